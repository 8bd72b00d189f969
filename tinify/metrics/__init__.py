# SPDX-License-Identifier: Apache-2.0
"""How far a restored signal is from the original, and how two codecs compare.

    psnr        pictures, dB                         tinify.metrics.psnr:psnr
    ms_ssim     pictures, in [0, 1], differentiable  tinify.metrics.ms_ssim:ms_ssim
    nrmse       series, in standard deviations       tinify.metrics.nrmse:nrmse
    max_error   any array, in its own unit           tinify.metrics.max_error:max_error
    bd_rate     two rate-distortion curves, percent  tinify.metrics.bd_rate
    bits        what an entropy model expects        tinify.metrics.bits

Metrics of kind "metric" are called with (original, restored). Import from the modules; this one imports nothing, so
that NumPy-only metrics never pay for torch.
"""
