"""How a title is cut into shots: the section `shots` of the config, key by key."""

from dataclasses import dataclass

from ..devices import ALONE, Sharing


@dataclass(frozen=True)
class Settings:
    """The config's keys, with its defaults.

    Attributes
    ----------
    detector : a name in `detector.MODULES`.
    threshold : in the detector's own unit, higher finds fewer cuts; None is the detector's usual one.
    first_look : for transnetv2: whether the network is asked only where a look at the pictures leaves a doubt.
    device : for transnetv2: "cpu" or "cuda".
    fixed_length_s : for fixed: seconds from one cut to the next.
    cuts_file : for file: where the cuts are read from.
    min_length_s : the shortest time from one cut to the next.
    short : which of two cuts stays that stand closer: "first", "last" or "strongest".
    max_length_s : the longest shot; None leaves shots as long as they are.
    long : how a longer one is split: "even", into the fewest equal parts, or "fixed", into parts of that length.
    threads : that the detector may keep busy. The cuts do not depend on them.
    gpu : for the device "cuda": how jobs share graphics cards, and whether the CPU goes on where one fails.
    """

    detector: str = "transnetv2"
    threshold: float | None = None
    first_look: bool = True
    device: str = "cpu"
    fixed_length_s: float = 4.0
    cuts_file: str = ""
    min_length_s: float = 0.4
    short: str = "first"
    max_length_s: float | None = None
    long: str = "even"
    threads: int = 2
    gpu: Sharing = ALONE
