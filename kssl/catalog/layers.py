"""Layers."""

from __future__ import annotations

# name: (where it is, one line of help)
LAYERS = {
    "mlp": ("kssl.layers.mlp:MLP", "Fully connected layers"),
    "conv_encoder": ("kssl.layers.convnet:ConvEncoder", "Convolutional encoder"),
    "conv_decoder": ("kssl.layers.convnet:ConvDecoder", "Convolutional decoder"),
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
    "dilated_causal_stack": (
        "kssl.layers.causal:DilatedCausalStack",
        "Dilated causal convolutions of WaveNet",
    ),
    "feature_queue": ("kssl.layers.queue:FeatureQueue", "Queue of the features of earlier batches"),
    "target_blocks": (
        "kssl.layers.target_blocks:TargetBlocks",
        "Blocks of patches, and patches outside of them: I-JEPA",
    ),
    "memory_bank": (
        "kssl.layers.memory_bank:MemoryBank",
        "A row for each training example: instance discrimination",
    ),
    "map_decoder": (
        "kssl.layers.map_decoder:MapDecoder",
        "From the features of an image to a prediction at each place",
    ),
    "gated_activation": (
        "kssl.layers.causal:GatedActivation",
        "Gated activation of PixelCNN and WaveNet",
    ),
    "gradient_reversal": ("kssl.layers.gradient:GradientReversal", "Gradient reversal"),
    "mask_tokens": (
        "kssl.layers.masking:MaskTokens",
        "Mask tokens in the places of masked patches",
    ),
    "masked_conv2d": ("kssl.layers.causal:MaskedConv2D", "Masked convolution of PixelCNN"),
    "masked_dense": ("kssl.layers.autoregressive:MaskedDense", "Masked dense layer of MADE"),
    "momentum_encoder": (
        "kssl.layers.momentum:MomentumEncoder",
        "Momentum encoder: moving average of another encoder",
    ),
    "multiscale_encoder": (
        "kssl.layers.multiscale:MultiscaleEncoder",
        "Convolutions read at three scales: AMDIM",
    ),
    "neural_autoregressive": (
        "kssl.layers.autoregressive:NeuralAutoregressive",
        "Conditional distributions of NADE",
    ),
    "patch_embedding": ("kssl.layers.patches:PatchEmbedding", "Patch embedding"),
    "patches": ("kssl.layers.patches:Patches", "Image to patches"),
    "prediction_head": ("kssl.layers.heads:PredictionHead", "Predictor of BYOL and SimSiam"),
    "projection_head": ("kssl.layers.heads:ProjectionHead", "Projector between encoder and loss"),
    "prototypes": ("kssl.layers.clustering:Prototypes", "Cosine scores against learned prototypes"),
    "random_masking": ("kssl.layers.masking:RandomMasking", "Random masking of tokens"),
    "random_view": (
        "kssl.layers.augmentation:RandomView",
        "Random crop, flip and colours, in the training step",
    ),
    "residual_block": ("kssl.layers.resnet:ResidualBlock", "Residual block"),
    "resnet": ("kssl.layers.resnet:ResNet", "Residual network for 32 x 32 images"),
    "sin_cos_positions": (
        "kssl.layers.positions:SinCosPositions",
        "Sine-cosine position embedding",
    ),
    "sinkhorn": ("kssl.layers.clustering:Sinkhorn", "Sinkhorn-Knopp assignment to prototypes"),
    "sobel": ("kssl.layers.sobel:Sobel", "Edges of grey images, horizontal and vertical"),
    "timestep_embedding": (
        "kssl.layers.positions:TimestepEmbedding",
        "Embedding of a diffusion timestep",
    ),
    "transformer": (
        "kssl.layers.transformer:Transformer",
        "Transformer encoder of a vision transformer",
    ),
    "unet": ("kssl.layers.unet:UNet", "U-Net with timestep and class conditioning"),
    "unet_block": ("kssl.layers.unet_block:UNetBlock", "Residual block with conditioning"),
    "unpatchify": ("kssl.layers.patches:Unpatchify", "Patches to image"),
    "vector_quantizer": (
        "kssl.layers.quantizer:VectorQuantizer",
        "Vector quantization with a codebook",
    ),
}
