"""What makes an encode larger or smaller: a quality, or a bitrate that the encoder keeps."""

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

# The key `rate` of a variant: a quality, a bitrate kept in one pass, or one kept by the statistics of a first pass.
QUALITY, AVERAGE, TWO_PASS = "quality", "average", "two_pass"
RATES = (QUALITY, AVERAGE, TWO_PASS)
ONE_PASS = (QUALITY, AVERAGE)

# What a step of 1 is where the knob is a bitrate, and the digits to which bitrates of a search are rounded.
STEP_RATIO, DIGITS = 1.05, 3


@dataclass(frozen=True)
class Knob:
    """The encoder's quality setting, called CRF throughout, as decimal strings ("23", "31.5").

    Attributes
    ----------
    option : the encoder's or ffmpeg's own name of it.
    low, high, step : the range, ends included, and the finest step that the encoder heeds.
    direction : -1 where a greater value means fewer bits, +1 where it means more.
    default_crfs : a coarse grid over the useful range, from most bits to fewest.
    """

    option: str
    low: Decimal
    high: Decimal
    step: Decimal
    direction: int
    default_crfs: tuple[str, ...]

    @property
    def heading(self) -> str:
        """What its values are called over a column."""
        return "CRF"

    def told(self, value: str) -> str:
        """A value in words: "CRF 23"."""
        return f"CRF {value}"

    def tag(self, value: str) -> str:
        """A value within a file's name: "crf23"."""
        return f"crf{value}"

    def place(self, value: str | float) -> float:
        """Where a value stands on the line along which quality and the logarithm of bits are nearly straight."""
        return float(value)

    def between(self, one: str | float, other: str | float, step: float) -> list[str]:
        """The values strictly between two that a search may take, rising: multiples of `step`."""
        return multiples_between(one, other, step)

    def steps(self, one: str | float, other: str | float, step: float) -> float:
        """How many steps of a search lie between two values."""
        return abs(self.place(one) - self.place(other)) / step

    def by_bits(self, values: list[str]) -> list[str]:
        """The values from most bits to fewest."""
        return sorted(values, key=lambda value: -self.direction * float(value))

    def canonical(self, value: str) -> str:
        """The one spelling of a value ("23" for "23.0"): file names and keys use it.

        Raises
        ------
        ValueError
            If the value is no number, lies outside the range or is not a multiple of the step.
        """
        try:
            number = Decimal(value)
            inside = self.low <= number <= self.high
        except InvalidOperation as error:
            raise ValueError(f"{self.heading} {value!r} is not a decimal number") from error
        if not inside:
            raise ValueError(f"{self.told(value)} lies outside {self.low} to {self.high}")
        if number % self.step:
            raise ValueError(
                f"{self.told(value)} is not a multiple of {self.step}, the finest step that the encoder heeds"
            )
        return shortest(number)


@dataclass(frozen=True)
class Bitrate(Knob):
    """A bitrate that the encoder keeps, in whole kbit/s."""

    @property
    def heading(self) -> str:
        return "kbps"

    def told(self, value: str) -> str:
        return f"{value} kbps"

    def tag(self, value: str) -> str:
        return f"{value}k"

    def place(self, value: str | float) -> float:
        return math.log2(float(value))

    def steps(self, one: str | float, other: str | float, step: float) -> float:
        return super().steps(one, other, step * math.log2(STEP_RATIO))

    def between(self, one: str | float, other: str | float, step: float) -> list[str]:
        """Bitrates of one scale, that of all shots and searches: powers of 1.05^`step`, to three digits."""
        low, high = sorted((float(one), float(other)))
        each = step * math.log(STEP_RATIO)
        powers = range(math.floor(math.log(low) / each), math.ceil(math.log(high) / each) + 1)
        found = dict.fromkeys(_rounded(math.exp(power * each)) for power in powers)
        return [str(kbps) for kbps in found if low < kbps < high]


KBPS = Bitrate("-b:v", Decimal(1), Decimal(1_000_000), Decimal(1), +1, ())


def shortest(value: float | str | Decimal) -> str:
    """A number as the shortest decimal string: 23, 31.5."""
    return f"{Decimal(str(value)).normalize():f}"


def multiples_between(one: float | str, other: float | str, step: float) -> list[str]:
    """The multiples of `step` strictly between two values, rising."""
    low, high = sorted((Decimal(str(one)), Decimal(str(other))))
    width = Decimal(str(step))
    first = low // width + 1
    values = (width * (first + number) for number in range(int((high - width * first) / width) + 1))
    return [shortest(value) for value in values if value < high]


def _rounded(kbps: float) -> int:
    """A whole number, with DIGITS digits at most."""
    more = max(0, math.floor(math.log10(kbps)) + 1 - DIGITS) if kbps >= 1 else 0
    return round(kbps / 10**more) * 10**more
