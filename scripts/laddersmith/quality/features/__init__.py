"""Features of an encode against its reference, frame by frame: VIF, ADM, motion, PSNR, and their CUDA twins."""
