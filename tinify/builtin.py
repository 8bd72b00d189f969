# SPDX-License-Identifier: Apache-2.0
"""Core as plugin number zero: its components, zoo and file formats, through the hooks that every plugin uses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tinify.hookspecs import ModelCard, hookimpl
from tinify.registry import Component

_THEIS_2017 = "Theis et al. 2017, arXiv:1703.00395"
_GIESEN_2014 = "Giesen 2014, arXiv:1402.3392"
_DUDA_2013 = "Duda 2013, arXiv:1311.2540"
_ZEGHIDOUR_2021 = "Zeghidour et al. 2021, arXiv:2107.03312"
_JOHNSTON_2019 = "Johnston et al. 2019, arXiv:1912.08771"
_BALLE_2016 = "Ballé et al. 2016, arXiv:1511.06281"
_BALLE_2018 = "Ballé et al. 2018, arXiv:1802.01436"
_MINNEN_2018 = "Minnen et al. 2018, arXiv:1809.02736"
_CUI_2021 = "Cui et al. 2021, arXiv:2003.02012"
_BALLE_2017 = "Ballé et al. 2017, arXiv:1611.01704"
_MENTZER_2023 = "Mentzer et al. 2023, arXiv:2309.15505"
_YU_2023 = "Yu et al. 2023, arXiv:2310.05737"
_AHMED_1974 = "Ahmed, Natarajan, Rao 1974"
_HAN_2010 = "Han, Saxena, Rose 2010"
_DAUBECHIES_1998 = "Daubechies, Sweldens 1998"
_SULLIVAN_1996 = "Sullivan 1996"
_KAMISLI_2024 = "Kamisli et al. 2024, arXiv:2402.18930"
_KARCZEWICZ_2008 = "Karczewicz, Ye, Chong 2008"
_PRINCEN_1987 = "Princen, Johnson, Bradley 1987"
_CHO_2014 = "Cho et al. 2014, arXiv:1406.1078"
_OORD_2016 = "van den Oord et al. 2016, arXiv:1609.03499"
_VASWANI_2017 = "Vaswani et al. 2017, arXiv:1706.03762"
_CHENG_2020 = "Cheng et al. 2020, arXiv:2001.01568"
_HE_2021 = "He et al. 2021, arXiv:2103.15306"
_HE_2022 = "He et al. 2022, arXiv:2203.10886"
_MAHONEY_2005 = "after Mahoney 2005 (PAQ)"
_TAUBMAN_2000 = "after Taubman 2000 (EBCOT)"
_WEINBERGER_2000 = "Weinberger, Seroussi, Sapiro 2000 (LOCO-I)"
_OORD_2017 = "van den Oord et al. 2017, arXiv:1711.00937"
_ZHENG_2023 = "Zheng, Zhang 2023, doi:10.1016/j.asoc.2023.110797"
_SHI_2016 = "Shi et al. 2016, arXiv:1609.05158"
_OORD_2016_PIXELS = "van den Oord et al. 2016, arXiv:1606.05328"
_HE_2016 = "He et al. 2016, arXiv:1512.03385"
_HE_2021 = "He et al. 2021, arXiv:2103.15306"
_CHENG_2020 = "Cheng et al. 2020, arXiv:2001.01568"
_BALLE_2018_EFFICIENT = "Ballé 2018, arXiv:1802.00847"
_BALLE_2019 = "Ballé et al. 2019, openreview S1zz2i0cY7"

# kind -> rows of (name, target below `tinify.`, summary, source)
_ROWS: dict[str, list[tuple[str, str, str, str]]] = {
    "transform": [
        ("patch-analysis", "transforms:PatchAnalysis", "series; patches, from a DCT on, to latent vectors", ""),
        ("patch-synthesis", "transforms:PatchSynthesis", "series; latent vectors to patches", ""),
        ("patch-mlp-analysis", "transforms:PatchMlpAnalysis", "series; each patch alone, a DCT and a network", ""),
        ("patch-mlp-synthesis", "transforms:PatchMlpSynthesis", "series; the way back", ""),
        ("patch-cnn-analysis", "transforms:PatchCnnAnalysis", "series; strided convolutions", _ZEGHIDOUR_2021),
        ("patch-cnn-synthesis", "transforms:PatchCnnSynthesis", "series; the way back", _ZEGHIDOUR_2021),
        ("block-dct-analysis", "transforms:BlockDctAnalysis", "series, image; DCT, coefficients mixed over blocks",
         _AHMED_1974),
        ("block-dct-synthesis", "transforms:BlockDctSynthesis", "series, image; the way back", _AHMED_1974),
        ("dst7-analysis", "transforms:Dst7Analysis", "series, image; what grows away from a known border", _HAN_2010),
        ("dst7-synthesis", "transforms:Dst7Synthesis", "series, image; the way back", _HAN_2010),
        ("mdct-analysis", "transforms:MdctAnalysis", "series; overlapping windows, sine or KBD", _PRINCEN_1987),
        ("mdct-synthesis", "transforms:MdctSynthesis", "series; overlap-add, exact", _PRINCEN_1987),
        ("identity-analysis", "transforms:IdentityAnalysis", "series; patches as they are", ""),
        ("identity-synthesis", "transforms:IdentitySynthesis", "series; patches as they are", ""),
        ("lifting-analysis", "transforms:LiftingAnalysis", "image; wavelets 9/7 and 5/3, this one exact on integers",
         _DAUBECHIES_1998),
        ("lifting-synthesis", "transforms:LiftingSynthesis", "image; the way back, small pictures on the way",
         _DAUBECHIES_1998),
        ("ycbcr-analysis", "transforms:YcbcrAnalysis", "image; luma and two differences", "ITU-R BT.601"),
        ("ycbcr-synthesis", "transforms:YcbcrSynthesis", "image; red, green, blue", "ITU-R BT.601"),
        ("rct-analysis", "transforms:RctAnalysis", "image; the same, nearly, exact on integers", "ITU-T T.800"),
        ("rct-synthesis", "transforms:RctSynthesis", "image; red, green, blue", "ITU-T T.800"),
        ("subsample-analysis", "transforms:SubsampleAnalysis", "image; 4:2:0 and its like", ""),
        ("subsample-synthesis", "transforms:SubsampleSynthesis", "image; chroma as large as luma", ""),
    ],
    "quantizer": [
        ("uniform-noise", "quantizers:UniformNoise", "rounds; uniform noise while training", _BALLE_2018),
        ("uniform-ste", "quantizers:UniformSTE", "rounds; straight-through gradient", _THEIS_2017),
        ("deadzone", "quantizers:DeadZone", "a wide zero; learned reconstruction points", _SULLIVAN_1996),
        ("matrix", "quantizers:Matrix", "a step for each frequency: JPEG's tables and own ones", "ITU-T T.81"),
        ("rdoq", "quantizers:Rdoq", "around a dead zone: chosen by error and bits", _KARCZEWICZ_2008),
        ("scalar-tokens", "quantizers:ScalarTokens", "a token for each number; noise while training", _BALLE_2017),
        ("fsq", "quantizers:FiniteScalarQuantizer", "a few bounded numbers on a few levels", _MENTZER_2023),
        ("lfq", "quantizers:LookupFreeQuantizer", "signs are the bits of a token", _YU_2023),
        ("vq", "quantizers:VectorQuantizer", "nearest vector of a learned codebook", _OORD_2017),
        ("rvq", "quantizers:ResidualQuantizer", "stages, each on what the last one left", _ZEGHIDOUR_2021),
    ],
    "entropy-model": [
        ("entropy-bottleneck", "entropy_models:EntropyBottleneck", "one learned density a channel", _BALLE_2018),
        ("entropy-bottleneck-vbr", "entropy_models:EntropyBottleneckVbr", "the same, bins of any width",
         _KAMISLI_2024),
        ("gaussian-conditional", "entropy_models:GaussianConditional", "Gaussians of given scales", _BALLE_2018),
        ("gaussian-mixture", "entropy_models:GaussianMixtureConditional", "several Gaussians an element", _CHENG_2020),
        ("histogram", "entropy_models:HistogramPrior", "token frequencies, integers by nature", ""),
        ("markov1", "entropy_models:Markov1Prior", "token frequencies given the token before", ""),
        ("gru", "entropy_models:GruPrior", "tokens given all before them: a GRU in integers, native", _CHO_2014),
        ("causal-conv", "entropy_models:CausalConvPrior", "the same with gated convolutions, in NumPy", _OORD_2016),
        ("transformer", "entropy_models:TransformerPrior", "the same with attention, in NumPy", _VASWANI_2017),
        ("neighbourhood", "entropy_models.neighbourhood:Neighbourhood", "integers, by weighted sizes around them",
         _TAUBMAN_2000),
        ("edge", "entropy_models.edge:EdgeModel", "smooth planes: distance from an edge predictor", _WEINBERGER_2000),
        ("block-contexts", "entropy_models.block_contexts:BlockContexts",
         "coefficients of blocks; sizes and signs expected of those around", _TAUBMAN_2000),
        ("grid-mixing", "entropy_models.context_mixing:GridMixing", "integers in time; contexts learn as they code",
         _MAHONEY_2005),
        ("block-mixing", "entropy_models.context_mixing:BlockMixing", "blocks of numbers; contexts learn as they code",
         _MAHONEY_2005),
        ("picture-mixing", "entropy_models.context_mixing:PictureMixing", "wavelet subbands; contexts learn as they go",
         _MAHONEY_2005),
    ],
    "coder": [
        ("rans32", "coders.rans32:Rans32", "interleaved rANS, the default; checks what it decodes", _GIESEN_2014),
        ("rans64", "coders.rans64:Rans64", "rANS whose streams are CompressAI's, byte for byte", _DUDA_2013),
        ("rangecoder", "coders.rangecoder:RangeCoder", "range coder: first in, first out", "Martin 1979"),
    ],
    "schedule": [
        ("subbands", "latent_codecs.subband_schedule:SubbandSchedule", "a wavelet's subbands, coarse to fine", ""),
    ],
    "latent-codec": [
        ("entropy-bottleneck", "latent_codecs:EntropyBottleneckLatentCodec", "factorized prior", _BALLE_2018),
        ("gaussian-conditional", "latent_codecs:GaussianConditionalLatentCodec", "scales and means given", _BALLE_2018),
        ("hyper", "latent_codecs:HyperLatentCodec", "the side information of a hyperprior", _BALLE_2018),
        ("hyperprior", "latent_codecs:HyperpriorLatentCodec", "a latent and its side information", _BALLE_2018),
        ("gain", "latent_codecs:GainLatentCodec", "around another: every rate from one checkpoint", _CUI_2021),
        ("gaussian-mixture", "latent_codecs:GaussianMixtureLatentCodec", "scales, means, weights given", _CHENG_2020),
        ("gained-gaussian", "latent_codecs:GainedGaussianLatentCodec", "any step; learned points of reconstruction",
         _KAMISLI_2024),
        ("gain-hyper", "latent_codecs:GainHyperLatentCodec", "side information under given gains", _CUI_2021),
        ("gain-hyperprior", "latent_codecs:GainHyperpriorLatentCodec", "a hyperprior under given gains", _CUI_2021),
        ("tokens", "latent_codecs.tokens:TokenLatentCodec", "quantizer tokens under a token prior", _OORD_2017),
        ("checkerboard", "latent_codecs:CheckerboardLatentCodec", "two steps of a checkerboard", _HE_2021),
        ("raster-scan", "latent_codecs:RasterScanLatentCodec", "place after place, along wavefronts", _OORD_2016),
        ("channel-groups", "latent_codecs:ChannelGroupsLatentCodec", "groups of channels, one after another", _HE_2022),
        ("scheduled", "latent_codecs.scheduled:ScheduledLatentCodec", "integers in the order of a schedule", ""),
        ("scaled-histogram", "latent_codecs.scaled_histogram:ScaledHistogramLatentCodec", "any step under histograms",
         ""),
    ],
    "codec": [
        ("bmshj2018-factorized", "models.image:FactorizedPrior", "image; learned factorized prior", _BALLE_2018),
        ("bmshj2018-hyperprior", "models.image:ScaleHyperprior", "image; scale hyperprior", _BALLE_2018),
        ("mbt2018-mean", "models.image:MeanScaleHyperprior", "image; mean and scale hyperprior", _MINNEN_2018),
        ("bmshj2018-factorized-relu", "models.image:FactorizedPriorReLU", "image; with rectifiers", _BALLE_2018),
        ("mbt2018", "models.image:JointAutoregressiveHierarchicalPriors", "image; causal context and hyperprior",
         _MINNEN_2018),
        ("cheng2020-anchor", "models.image:Cheng2020Anchor", "image; residual blocks, causal context", _CHENG_2020),
        ("cheng2020-attn", "models.image:Cheng2020Attention", "image; the same with attention", _CHENG_2020),
        ("cheng2020-gmm", "models.image:Cheng2020GMM", "image; attention, three Gaussians an element", _CHENG_2020),
        ("cheng2020-anchor-checkerboard", "models.image:Cheng2020AnchorCheckerboard", "image; in two steps", _HE_2021),
        ("elic2022-official", "models.image:Elic2022Official", "image; groups of channels in two steps each", _HE_2022),
        ("elic2022-chandelier", "models.image:Elic2022Chandelier", "image; the same, nearest groups alone", _HE_2022),
        ("bmshj2018-hyperprior-vbr", "models.image:ScaleHyperpriorVbr", "image; scale hyperprior, every rate",
         _KAMISLI_2024),
        ("mbt2018-mean-vbr", "models.image:MeanScaleHyperpriorVbr", "image; mean and scale hyperprior, every rate",
         _KAMISLI_2024),
        ("mbt2018-vbr", "models.image:JointAutoregressiveHierarchicalPriorsVbr", "image; causal context, every rate",
         _KAMISLI_2024),
        ("lapped-hyperprior", "models.image:LappedHyperprior", "image; a lapped transform and networks, every rate",
         "Malvar, Staelin 1989; He et al. 2022, arXiv:2203.10886"),
        ("wavelet-scheduled", "models.image.wavelet_scheduled:WaveletScheduled", "image; 9/7 wavelet, tables, fast",
         _TAUBMAN_2000),
        ("wavelet-mixing", "models.image.wavelet_mixing:WaveletMixing", "image; 9/7 wavelet under context mixing",
         _MAHONEY_2005),
        ("jpeg-like", "models.image.jpeg_like:JpegLike", "image; JPEG's numbers in fewer bytes; holds JPEG files",
         "ITU-T T.81"),
        ("tokenizer", "models.series.tokenizer:Tokenizer", "series; patches to tokens", _OORD_2017),
        ("series-mixing", "models.series.series_mixing:SeriesMixing", "series; grid or block DCT under context mixing",
         _MAHONEY_2005),
        ("tcrae", "models.series.tcrae:Tcrae", "series; one code vector a window, recurrent decoder", _ZHENG_2023),
        ("tcrae-seq", "models.series.tcrae_seq:TcraeSeq", "series; convolutions and recurrent networks to latents",
         _ZHENG_2023),
    ],
    "layer": [
        ("gdn", "layers:GDN", "generalized divisive normalization", _BALLE_2016),
        ("gdn1", "layers:GDN1", "GDN without squares and roots", _JOHNSTON_2019),
        ("conv1x1", "layers:conv1x1", "convolution of single pixels", ""),
        ("conv3x3", "layers:conv3x3", "convolution with a border of one zero", ""),
        ("subpel-conv3x3", "layers:subpel_conv3x3", "convolution to the pixels of blocks", _SHI_2016),
        ("masked-conv2d", "layers:MaskedConv2d", "sees what comes before a pixel", _OORD_2016_PIXELS),
        ("checkerboard-masked-conv2d", "layers:CheckerboardMaskedConv2d", "sees the other colour of a checkerboard",
         _HE_2021),
        ("spectral-conv2d", "layers:SpectralConv2d", "the spectrum of the kernel is trained", _BALLE_2018_EFFICIENT),
        ("spectral-conv-transpose2d", "layers:SpectralConvTranspose2d", "the same, transposed",
         _BALLE_2018_EFFICIENT),
        ("residual-block", "layers:ResidualBlock", "two 3x3 convolutions", _CHENG_2020),
        ("residual-block-with-stride", "layers:ResidualBlockWithStride", "the same with a stride and GDN",
         _CHENG_2020),
        ("residual-block-upsample", "layers:ResidualBlockUpsample", "the way back, subpixels and inverse GDN",
         _CHENG_2020),
        ("residual-bottleneck-block", "layers:ResidualBottleneckBlock", "a 3x3 convolution among half the channels",
         _HE_2016),
        ("attention-block", "layers:AttentionBlock", "features under a learned mask", _CHENG_2020),
        ("qrelu", "layers:QuantizedReLU", "clamps to the range of an integer", _BALLE_2019),
    ],
    "loss": [
        ("rate-distortion", "losses:RateDistortionLoss", "bits plus weighted distortion", _BALLE_2018),
    ],
    "metric": [
        ("psnr", "metrics.psnr:psnr", "peak signal to noise ratio, dB", ""),
        ("ms-ssim", "metrics.ms_ssim:ms_ssim", "multi-scale structural similarity", "Wang et al. 2003"),
        ("nrmse", "metrics.nrmse:nrmse", "root mean square error over the standard deviation", ""),
        ("max-error", "metrics.max_error:max_error", "largest absolute error", ""),
    ],
}  # fmt: skip

_MEDIA = [
    ("image", "media.image:FORMAT", "pictures through Pillow: PNG, JPEG, WebP, TIFF, ..."),
    ("csv", "media.csv:FORMAT", "series as text, with header, time column and other columns"),
    ("numpy", "media.arrays:FORMAT", ".npy and .npz arrays of one or two dimensions"),
]


@hookimpl
def tinify_components() -> Iterator[Component]:
    for kind, rows in _ROWS.items():
        for name, target, summary, source in rows:
            yield Component(kind, name, f"tinify.{target}", summary, source)


@hookimpl
def tinify_media() -> Iterator[Component]:
    for name, target, summary in _MEDIA:
        yield Component("media", name, f"tinify.{target}", summary)


@hookimpl
def tinify_models() -> Iterator[ModelCard]:
    for path in sorted(zoo_folder().glob("*/codec.toml")):
        yield ModelCard(path.parent.name, path.parent)


def zoo_folder() -> Path:
    """The zoo that comes with tinify: inside the package once installed, beside it in a source tree."""
    package = Path(__file__).resolve().parent
    installed = package / "_zoo"
    return installed if installed.is_dir() else package.parent / "zoo"
