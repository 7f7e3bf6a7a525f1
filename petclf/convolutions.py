"Gradients of convolution weights, for processors whose library computes them slowly."
# On a processor with AVX2 and no more, in full precision and channels-last, oneDNN reaches a quarter of its own forward speed in the weight gradients of 3x3 convolutions, and
# less in those of depthwise 5x5 convolutions on small maps. The same sums as plain matrix products (im2col; Chellapilla, Puri and Simard, IWFHR 2006) are faster. Everything
# else of a convolution stays torch's. `benchmarks/train.py` measures what it brings.
import torch
import torch.nn.functional as F
from torch import nn

CHUNK = 8e6 # bytes of unfolded pictures at a time, so that they stay in the processor's cache


class _Convolution(torch.autograd.Function):
    "A convolution without bias whose weight gradient is computed by `weight_gradient`."
    @staticmethod
    def forward(ctx, x, weight, stride, padding, groups, weight_gradient):
        ctx.save_for_backward(x, weight)
        ctx.settings = stride, padding, groups, weight_gradient
        return F.conv2d(x, weight, None, stride, padding, groups=groups)

    @staticmethod
    def backward(ctx, gradient):
        (x, weight), (stride, padding, groups, weight_gradient) = ctx.saved_tensors, ctx.settings
        to_input = torch.ops.aten.convolution_backward(gradient, x, weight, None, stride, padding, [1, 1], False, [0, 0], groups, [True, False, False])[0] if ctx.needs_input_grad[0] else None
        return to_input, weight_gradient(x, gradient, weight.shape, stride[0], padding[0]), None, None, None, None


def dense_weight_gradient(
    x, # (n, c, height, width), what went in
    gradient, # (n, o, h, w), of what came out
    shape, # of the weight: o, c, k, k
    stride, # of the convolution
    padding, # of the convolution
) -> torch.Tensor: # (o, c, k, k)
    "The weight gradient as a matrix product, a few pictures at a time."
    (outputs, channels, k, _), (h, w) = shape, gradient.shape[2:]
    at_once = max(1, int(CHUNK / (h * w * k * k * channels * 4)))
    x, gradient = x.permute(0, 2, 3, 1).contiguous(), gradient.permute(0, 2, 3, 1).contiguous() # views, when they are channels-last
    total = x.new_zeros(outputs, k * k * channels)
    for first in range(0, len(x), at_once):
        part = F.pad(x[first:first + at_once], (0, 0, padding, padding, padding, padding))
        n, height, width, _ = part.shape
        windows = part.as_strided((n, h, w, k, k * channels), (height * width * channels, stride * width * channels, stride * channels, width * channels, 1))
        total.addmm_(gradient[first:first + at_once].reshape(n * h * w, outputs).t(), windows.reshape(n * h * w, k * k * channels))
    return total.view(outputs, k, k, channels).permute(0, 3, 1, 2)


def depthwise_weight_gradient(
    x, # (n, c, height, width), what went in
    gradient, # (n, c, h, w), of what came out
    shape, # of the weight: c, 1, k, k
    stride, # of the convolution
    padding, # of the convolution
) -> torch.Tensor: # (c, 1, k, k)
    "The weight gradient of a depthwise convolution, a shift of the picture at a time."
    k, x, gradient = shape[2], F.pad(x.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding)), gradient.permute(0, 2, 3, 1)
    h, w = gradient.shape[1:3]
    shifts = [(x[:, down:down + stride * h:stride, right:right + stride * w:stride] * gradient).sum((0, 1, 2)) for down in range(k) for right in range(k)]
    return torch.stack(shifts, 1).view(-1, 1, k, k)


class _Trained:
    "Mixed into a convolution: in training its weight gradient is ours, everywhere else it is torch's."
    def forward(self, x):
        if not (self.training and torch.is_grad_enabled() and self.weight.requires_grad and self.suits(x)): return super().forward(x)
        return _Convolution.apply(x, self.weight, self.stride, self.padding, self.groups, type(self).weight_gradient)


class DenseConv2d(_Trained, nn.Conv2d):
    weight_gradient = staticmethod(dense_weight_gradient)
    def suits(self, x): return True


class DepthwiseConv2d(_Trained, nn.Conv2d):
    weight_gradient = staticmethod(depthwise_weight_gradient)
    def suits(self, x): return x.shape[-1] <= 4 # on larger maps torch's is faster


def faster_convolutions(
    model, # a network, in place; its numbers and their names stay as they are
) -> int: # how many convolutions were exchanged
    "Exchange the convolutions whose weight gradients are slow on processors with AVX2 and no more."
    exchanged = 0
    for layer in model.modules():
        if type(layer) is not nn.Conv2d or layer.bias is not None or layer.dilation != (1, 1): continue
        if layer.kernel_size == (3, 3) and layer.groups == 1 and layer.out_channels >= 128 and layer.padding == (1, 1): layer.__class__ = DenseConv2d
        elif layer.kernel_size == (5, 5) and layer.groups == layer.in_channels == layer.out_channels and layer.stride == (1, 1) and layer.padding == (2, 2): layer.__class__ = DepthwiseConv2d
        else: continue
        exchanged += 1
    return exchanged
