"""Contrast sensitivity and the other constants of ADM, shared by the kernels of the CPU and of the GPU."""

import math

# Watson, Yang, Solomon, Villasenor: Visibility of Wavelet Quantization Noise, IEEE Trans. Image Processing 6(8), 1997.
# Table IV, luma: threshold a, width k, frequency f0; g by orientation (vertical and horizontal bands, diagonal band).
_A, _K, _F0 = 0.495, 0.466, 0.401
_G = (1.0, 0.534)
# Table V: amplitude of the basis functions by scale, finest first, for the same two orientations.
_AMPLITUDES = ((0.67234, 0.72709), (0.41317, 0.49428), (0.22727, 0.28688), (0.11792, 0.15214))

VIEW_DISTANCE = 3.0  # in heights of the display
DISPLAY_HEIGHT = 1080  # in pixels
SCALES = 4
BORDER = 0.1  # of the width and of the height: what each side of the picture loses before pooling
NOISE = 1.0 / 32.0  # per pooled coefficient: keeps the ratio defined where there is no detail
MASKING = 1.0 / 30.0  # share of a neighbouring impairment in the threshold; at the place itself it is twice that
COS2_ONE_DEGREE = math.cos(math.radians(1.0)) ** 2
# Daubechies' orthogonal wavelet with two vanishing moments: the low-pass taps; the high-pass ones follow from them.
LOW = (0.482962913144690, 0.836516303737469, 0.224143868041857, -0.129409522550921)
HIGH = (LOW[3], -LOW[2], LOW[1], -LOW[0])


def sensitivity(scale: int) -> tuple[float, float]:
    """Weight of the (horizontal and vertical, diagonal) coefficients at scale 0 (finest) to 3.

    The reciprocal of the quantization step that is just visible, formula (9) of Watson et al. 1997 with the display's
    resolution of formula (1):

        r = distance x height x pi / 180 pixels per degree
        Q = 2 a 10^(k log10(2^(scale + 1) f0 g / r)^2) / A(scale, orientation)
    """
    resolution = VIEW_DISTANCE * DISPLAY_HEIGHT * math.pi / 180.0

    def step(g: float, amplitude: float) -> float:
        octave = math.log10(2.0 ** (scale + 1) * _F0 * g / resolution)
        return 2.0 * _A * 10.0 ** (_K * octave * octave) / amplitude

    straight, diagonal = (step(g, a) for g, a in zip(_G, _AMPLITUDES[scale], strict=True))
    return 1.0 / straight, 1.0 / diagonal


def band_size(length: int, scale: int) -> int:
    """Coefficients of a band along a side of `length` samples at `scale`: half of it, rounded up, per scale."""
    return -(-length >> (scale + 1))


def pooled(length: int) -> tuple[int, int]:
    """First coefficient of a band's side that is pooled and the first behind: a tenth is left out at either end."""
    first = int(max(0.0, length * BORDER - 0.5))
    return first, length - first
