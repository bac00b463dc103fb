"""The emulated phone: six apps, once, as data and logic; shown by a tree, a browser, a wire."""
