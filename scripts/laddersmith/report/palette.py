"""Colours of the pictures: what stands in the SVG, and what the page's dark scheme makes of it.

Chosen to stay apart for readers with any of the usual colour deficiencies (after the Okabe-Ito set); texts
have a contrast of at least 4.5 on their scheme's background.
"""

INK, MUTED, GRID, FIXED = "#1f2328", "#5c6570", "#e3e6ea", "#c2410c"
CODECS = ["#0b62a8", "#0a7d57", "#9a4fa3", "#8a6100", "#a12b4e", "#3f4fb5"]
HEIGHTS = ["#a9cdec", "#86b8e0", "#63a1d2", "#4389c2", "#2c70ad", "#1c5893", "#104177", "#072b55"]

DARK = {
    INK: "#e6e9ed",
    MUTED: "#9aa4b0",
    GRID: "#2d343d",
    FIXED: "#fb8b4e",
    **dict(zip(CODECS, ["#62b0f0", "#3fc796", "#d793de", "#dcb04a", "#f08aa5", "#98a5f5"], strict=True)),
    **dict(
        zip(
            HEIGHTS,
            ["#2f5f92", "#3873ad", "#4588c6", "#5a9dda", "#76b2e8", "#96c7f1", "#b7daf7", "#d8ecfc"],
            strict=True,
        )
    ),
}
