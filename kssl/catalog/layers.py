"""Layers."""

from __future__ import annotations

# name: (where it is, one line of help)
LAYERS = {
    "mlp": ("kssl.layers.mlp:MLP", "Fully connected layers"),
    "conv_encoder": ("kssl.layers.convnet:ConvEncoder", "Image to vector"),
    "conv_decoder": ("kssl.layers.convnet:ConvDecoder", "Vector to image"),
    "gaussian_sampling": (
        "kssl.layers.sampling:GaussianSampling",
        "Reparametrized sample of a Gaussian",
    ),
    "corruption": (
        "kssl.layers.corruption:Corruption",
        "Gaussian, masking or salt-and-pepper noise",
    ),
    "batch_normalization": (
        "kssl.layers.normalization:BatchNormalization",
        "Keras' own, fused on TensorFlow",
    ),
    "conv_net": ("kssl.layers.resnet:ConvNet", "Small residual network for images"),
    "dilated_causal_stack": ("kssl.layers.causal:DilatedCausalStack", "Body of a WaveNet"),
    "feature_queue": ("kssl.layers.queue:FeatureQueue", "Features of the last batches"),
    "gated_activation": ("kssl.layers.causal:GatedActivation", "Half the features gate the others"),
    "gradient_reversal": ("kssl.layers.gradient:GradientReversal", "Turns gradients round"),
    "mask_tokens": ("kssl.layers.masking:MaskTokens", "Hidden tokens back in their places"),
    "masked_conv2d": ("kssl.layers.causal:MaskedConv2D", "Convolution of a PixelCNN"),
    "masked_dense": ("kssl.layers.autoregressive:MaskedDense", "Dense layer of a MADE"),
    "momentum_encoder": (
        "kssl.layers.momentum:MomentumEncoder",
        "Teacher that follows its student",
    ),
    "neural_autoregressive": (
        "kssl.layers.autoregressive:NeuralAutoregressive",
        "Conditionals of a NADE",
    ),
    "patch_embedding": ("kssl.layers.patches:PatchEmbedding", "One vector for each patch"),
    "patches": ("kssl.layers.patches:Patches", "Image to patches"),
    "prediction_head": ("kssl.layers.heads:PredictionHead", "Predictor of BYOL and SimSiam"),
    "projection_head": ("kssl.layers.heads:ProjectionHead", "Projector between encoder and loss"),
    "prototypes": ("kssl.layers.clustering:Prototypes", "Cosine scores against learned prototypes"),
    "random_masking": ("kssl.layers.masking:RandomMasking", "Hides most tokens"),
    "random_view": (
        "kssl.layers.augmentation:RandomView",
        "Random crop, flip and colours, in the training step",
    ),
    "residual_block": ("kssl.layers.resnet:ResidualBlock", "Convolutions with a shortcut"),
    "resnet": ("kssl.layers.resnet:ResNet", "Residual network for 32 x 32 images"),
    "sin_cos_positions": ("kssl.layers.positions:SinCosPositions", "Fixed position embedding"),
    "sinkhorn": ("kssl.layers.clustering:Sinkhorn", "Assignments in equal shares"),
    "timestep_embedding": (
        "kssl.layers.positions:TimestepEmbedding",
        "Embedding of a diffusion timestep",
    ),
    "transformer": ("kssl.layers.transformer:Transformer", "Body of a vision transformer"),
    "unet": ("kssl.layers.unet:UNet", "Image to image, with timestep and class"),
    "unet_block": ("kssl.layers.unet_block:UNetBlock", "Residual block with conditioning"),
    "unpatchify": ("kssl.layers.patches:Unpatchify", "Patches to image"),
    "vector_quantizer": ("kssl.layers.quantizer:VectorQuantizer", "Nearest entry of a codebook"),
}
