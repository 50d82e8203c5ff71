"""Changes to other packages: made, taken back to the very same objects, or left to others."""

from __future__ import annotations

import pickle
import sys
import types

import pytest

from dicube_plugins.patching import (
    AddToList,
    Call,
    Patch,
    PatchError,
    Replace,
    SetAttribute,
    SetItem,
    apply_all,
    revert_all,
)


def module():
    made = types.ModuleType("framework")
    exec(
        """
def load(path, *, fast=False):
    "Load a file."
    return ("theirs", path, fast)
class Base:
    def method(self, x): return ("method", type(self).__name__, x)
    @classmethod
    def make(cls, x): return ("make", cls.__name__, x)
    @staticmethod
    def plain(x): return ("plain", x)
class Child(Base):
    pass
option = 1
""",
        vars(made),
    )
    return made


def ours(original, *args, **kwargs):
    return ("ours", original(*args, **kwargs))


def test_all_are_patches():
    m = module()
    for patch in (
        Replace(m, "load", ours),
        SetAttribute(m, "option", 2),
        AddToList([], 1, "a list"),
        SetItem({}, 1, 2, "a mapping"),
        Call("a call", list, list),
    ):
        assert isinstance(patch, Patch)
        assert patch.what


def test_a_function_is_replaced_and_comes_back():
    m = module()
    original = m.load
    patch = Replace(m, "load", ours)
    patch.apply()
    assert m.load("x", fast=True) == ("ours", ("theirs", "x", True))
    assert (m.load.__name__, m.load.__doc__) == ("load", "Load a file.")
    assert m.load.__wrapped__ is original
    held = m.load  # taken by name, as ``from framework import load`` does
    assert patch.revert() == ""
    assert m.load is original
    assert held("x") == ("theirs", "x", False)
    patch.apply()  # may be made again
    assert m.load("x")[0] == held("x")[0] == "ours"
    assert patch.revert() == ""
    assert m.load is original


@pytest.mark.parametrize("owner", ["Base", "Child"])
@pytest.mark.parametrize("name", ["method", "make", "plain"])
def test_methods_of_all_kinds_also_inherited_ones(owner, name):
    m = module()
    target = getattr(m, owner)
    before = {cls: dict(vars(cls)) for cls in (m.Base, m.Child)}
    calls = [lambda: getattr(m.Child(), name)(3)]
    if name != "method":
        calls.append(lambda: getattr(m.Child, name)(3))
    expected = [call() for call in calls]
    untouched = getattr(m.Base(), name)(3)
    patch = Replace(target, name, ours)
    patch.apply()
    assert [call() for call in calls] == [("ours", value) for value in expected]
    if owner == "Child":
        assert getattr(m.Base(), name)(3) == untouched
    assert patch.revert() == ""
    assert {cls: dict(vars(cls)) for cls in (m.Base, m.Child)} == before
    assert all(vars(cls)[n] is v for cls, kept in before.items() for n, v in kept.items())
    assert [call() for call in calls] == expected


def test_what_others_replaced_meanwhile_stays_and_ours_passes_calls_on():
    m = module()
    patch = Replace(m, "load", ours)
    patch.apply()
    below = m.load

    def theirs(path):
        return ("third", below(path))

    m.load = theirs
    assert m.load("x") == ("third", ("ours", ("theirs", "x", False)))
    assert patch.revert() == "framework.load was replaced by others and is left to them"
    assert m.load is theirs
    assert m.load("x") == ("third", ("theirs", "x", False))


def test_a_function_can_be_pickled_wherever_it_stands(monkeypatch):
    home, package = module(), types.ModuleType("package")
    package.load = home.load
    for made in (home, package):
        monkeypatch.setitem(sys.modules, made.__name__, made)
    owners = [(home, "load"), (package, "load"), (home.Base, "plain"), (home.Child, "make")]
    for patch in [Replace(owner, name, ours) for owner, name in owners]:
        patch.apply()
    for owner, name in owners:
        function = getattr(owner, name)
        assert pickle.loads(pickle.dumps(function)) == function
    assert package.load is not home.load


def test_an_error_of_the_original_passes_through():
    m = module()
    patch = Replace(m, "load", ours)
    patch.apply()
    with pytest.raises(TypeError, match="unexpected keyword"):
        m.load("x", slow=True)


def test_an_attribute_is_set_and_comes_back():
    m = module()
    value = object()
    patch = SetAttribute(m, "option", value)
    patch.apply()
    assert m.option is value
    assert patch.revert() == ""
    assert m.option == 1
    patch.apply()
    m.option = 3
    assert patch.revert() == "framework.option was set by others and is left to them"
    assert m.option == 3


def test_an_attribute_that_was_not_there_is_not_there_again():
    m = module()
    for owner in (m, m.Child):
        patch = SetAttribute(owner, "method", "new")
        patch.apply()
        assert owner.method == "new"
        assert patch.revert() == ""
        assert "method" not in vars(owner)
    assert callable(m.Child().method)


@pytest.mark.parametrize("first", [True, False])
def test_an_item_is_added_to_a_list_and_removed(first):
    class Equal:
        """Equal to all, so that only identity tells which one it is."""

        __hash__ = None

        def __eq__(self, other):
            return True

    a, b, item = Equal(), Equal(), Equal()
    items = [a, b]
    patch = AddToList(items, item, "a list", first=first)
    patch.apply()
    assert [*map(id, items)] == [*map(id, [item, a, b] if first else [a, b, item])]
    late = Equal()
    items.append(late)
    assert patch.revert() == ""
    assert [*map(id, items)] == [*map(id, [a, b, late])]
    assert patch.revert() == ""  # nothing to remove
    assert len(items) == 3


def test_an_entry_is_put_into_a_mapping_and_comes_back_in_its_place():
    old = object()
    mapping = {"a": 1, "b": old, "c": 3}
    added, replaced = SetItem(mapping, "x", 9, "m"), SetItem(mapping, "b", 8, "m")
    for patch in (added, replaced):
        patch.apply()
    assert mapping == {"a": 1, "b": 8, "c": 3, "x": 9}
    for patch in (replaced, added):
        assert patch.revert() == ""
    assert list(mapping.items()) == [("a", 1), ("b", old), ("c", 3)]
    assert mapping["b"] is old
    added.apply()
    mapping["x"] = "another"
    assert added.revert() == "m: was changed by others and is left to them"
    assert mapping["x"] == "another"


def test_a_call_is_made_and_undone():
    log = []
    patch = Call("a call", lambda: log.append("do"), lambda: log.append("undo"))
    patch.apply()
    assert patch.revert() == ""
    assert log == ["do", "undo"]
    assert Call("a call", list, lambda: "it stays").revert() == "it stays"


def fail(*_):
    raise OSError("broken")


def test_if_one_fails_those_before_it_are_taken_back_last_first():
    m, log = module(), []
    original = m.load
    patches = [
        Replace(m, "load", ours),
        Call("one", lambda: log.append("+1"), lambda: log.append("-1")),
        Call("two", lambda: log.append("+2"), lambda: log.append("-2")),
        Call("the broken one", fail, lambda: log.append("never")),
        Call("three", lambda: log.append("never"), list),
    ]
    with pytest.raises(PatchError, match=r"^the broken one: OSError: broken$"):
        apply_all(patches)
    assert log == ["+1", "+2", "-2", "-1"]
    assert m.load is original


def test_what_cannot_be_taken_back_is_told_and_does_not_keep_the_others():
    m = module()
    original = m.load
    patches = [Replace(m, "load", ours), Call("a call", list, fail)]
    apply_all(patches)
    assert revert_all(patches) == ["a call: OSError: broken"]
    assert m.load is original
    with pytest.raises(PatchError, match=r"nothing: .*not taken back: a call: OSError: broken"):
        apply_all([*patches, Replace(m, "nothing", ours)])
    assert m.load is original


def test_a_function_that_is_not_there_cannot_be_replaced():
    m = module()
    with pytest.raises(PatchError, match=r"framework\.absent: .*AttributeError"):
        apply_all([Replace(m, "absent", ours)])
    assert not hasattr(m, "absent")
