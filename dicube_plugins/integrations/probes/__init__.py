"""Scripts that let one framework each read a file: ``python -P probe_x.py STUDY ANSWER``.

They write what they read as arrays into ``ANSWER`` (npz): ``values`` of shape (frames, rows,
columns) and ``affine`` from (column, row, frame) to RAS mm; or ``missing``, a text. Nobody imports
them.
"""
