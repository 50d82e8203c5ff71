"""The codec benchmark runs, and its candidates are lossless."""

import bench_codecs


def test_it_prints_every_frame_and_codec(capsys):
    bench_codecs.main(["--size", "48", "--repeats", "1"])
    printed = capsys.readouterr().out
    for name, array in bench_codecs.frames(48).items():
        assert name in printed
        for codec in bench_codecs.coders(array):
            assert codec in printed
