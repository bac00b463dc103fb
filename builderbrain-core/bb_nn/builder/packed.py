"""Only what is real of a padded batch: a layer that looks at each row alone need not see padding.

Where one text of eight is long, two rows of three are padding, and would cost as much as the rest.
"""

from torch import Tensor


def unpacked(rows: Tensor, real: Tensor) -> Tensor:
    """Rows [n, d] back in the places [..] that are `real`, in order, and zeros elsewhere: [.., d].

    unpacked(x[real], real) is x with zeros where it is not real.
    """
    out = rows.new_zeros(*real.shape, rows.shape[-1])
    return out.index_put((real,), rows)
