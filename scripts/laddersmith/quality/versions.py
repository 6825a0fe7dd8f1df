"""The version of each metric. It is a part of every score's key: bump it, with a reason, when its numbers change."""

METRICS = {
    "vmaf": "1",  # first: ffmpeg's libvmaf at display size, bicubic, at the greater bit depth
    "psnr_chroma": "1",  # first: libvmaf's psnr feature, capped at 6 x depth + 12 dB
}


def metrics_version() -> str:
    """All metric versions as one string ("vmaf-1 psnr_chroma-1")."""
    return " ".join(f"{name}-{version}" for name, version in METRICS.items())


KERNELS = "1"  # first: VIF, ADM and motion in float32, as libvmaf's float models define them


def kernels_version() -> str:
    """Version of the kernels of our own ("kernels-1"); bump it, with a reason, when their numbers change."""
    return f"kernels-{KERNELS}"
