"Gradients of convolution weights, for processors whose library computes them slowly."

# On a processor with AVX2 and no more, in full precision and channels-last, oneDNN reaches half or less of its own forward speed in the weight gradients of 3x3 convolutions, and
# less in those of depthwise 5x5 convolutions on small maps. The same sums as plain matrix products are faster (im2col; Chellapilla, Puri and Simard, IWFHR 2006; here a third of
# it is copied, with a stride of two two thirds). Everything else of a convolution stays torch's. `benchmarks/train.py` measures what it brings.
import torch
import torch.nn.functional as F
from torch import nn

ROWS = 1000  # of the matrices, about, so that they stay in the processor's cache; one picture may have more


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
        to_input = (
            torch.ops.aten.convolution_backward(
                gradient, x, weight, None, stride, padding, [1, 1], False, [0, 0], groups, [True, False, False]
            )[0]
            if ctx.needs_input_grad[0]
            else None
        )
        return to_input, weight_gradient(x, gradient, weight.shape, stride[0], padding[0]), None, None, None, None


def dense_weight_gradient(
    x,  # (n, c, height, width), what went in
    gradient,  # (n, o, h, w), of what came out
    shape,  # of the weight: o, c, k, k
    stride,  # of the convolution
    padding,  # of the convolution
) -> torch.Tensor:  # (o, c, k, k)
    "The weight gradient as matrix products, a few pictures at a time, one for each row of the kernel."
    (outputs, channels, k, _), (h, w) = shape, gradient.shape[2:]
    below = (k - 1) // stride  # rows of zeros under each picture's gradient, over which its lower neighbours are read
    tall = h + below
    at_once = max(1, ROWS // (tall * w))
    x, gradient = x.permute(0, 2, 3, 1), gradient.permute(0, 2, 3, 1)
    total = x.new_zeros(k, outputs, k * channels)
    for first in range(0, len(x), at_once):
        part = F.pad(
            x[first : first + at_once], (0, 0, padding, padding, padding, tall * stride - padding - x.shape[1])
        ).contiguous()
        n, height, width, _ = part.shape
        # Only neighbours in a row are copied side by side: those of the next row are the same matrix, read w places further on.
        windows = part.as_strided(
            (stride, n, tall, w, k * channels),
            (width * channels, height * width * channels, stride * width * channels, stride * channels, 1),
        ).reshape(stride, n * tall * w, k * channels)
        read = n * tall * w - below * w
        sent = (
            F.pad(gradient[first : first + at_once], (0, 0, 0, 0, 0, below)).reshape(n * tall * w, outputs)[:read].t()
        )
        for row in range(k):
            total[row].addmm_(sent, windows[row % stride, row // stride * w :][:read])
    return total.view(k, outputs, k, channels).permute(1, 3, 0, 2)


def depthwise_weight_gradient(
    x,  # (n, c, height, width), what went in
    gradient,  # (n, c, h, w), of what came out
    shape,  # of the weight: c, 1, k, k
    stride,  # of the convolution
    padding,  # of the convolution
) -> torch.Tensor:  # (c, 1, k, k)
    "The weight gradient of a depthwise convolution, a shift of the picture at a time."
    k, x, gradient = (
        shape[2],
        F.pad(x.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding)),
        gradient.permute(0, 2, 3, 1),
    )
    h, w = gradient.shape[1:3]
    shifts = [
        (x[:, down : down + stride * h : stride, right : right + stride * w : stride] * gradient).sum((0, 1, 2))
        for down in range(k)
        for right in range(k)
    ]
    return torch.stack(shifts, 1).view(-1, 1, k, k)


class _Trained:
    "Mixed into a convolution: in training its weight gradient is ours, everywhere else it is torch's."

    def forward(self, x):
        if not (self.training and torch.is_grad_enabled() and self.weight.requires_grad and self.suits(x)):
            return super().forward(x)
        return _Convolution.apply(x, self.weight, self.stride, self.padding, self.groups, type(self).weight_gradient)


class DenseConv2d(_Trained, nn.Conv2d):
    weight_gradient = staticmethod(dense_weight_gradient)

    def suits(self, x):
        return True


class DepthwiseConv2d(_Trained, nn.Conv2d):
    weight_gradient = staticmethod(depthwise_weight_gradient)

    def suits(self, x):
        return x.shape[-1] <= 4  # on larger maps torch's is faster


def faster_convolutions(
    model,  # a network, in place; its numbers and their names stay as they are
) -> int:  # how many convolutions were exchanged
    "Exchange the convolutions whose weight gradients are slow on processors with AVX2 and no more."
    exchanged = 0
    for layer in model.modules():
        if (
            type(layer) is not nn.Conv2d
            or layer.bias is not None
            or layer.dilation != (1, 1)
            or layer.padding_mode != "zeros"
            or layer.stride[0] != layer.stride[1]
        ):
            continue
        if layer.kernel_size == (3, 3) and layer.groups == 1 and layer.out_channels >= 64 and layer.padding == (1, 1):
            layer.__class__ = DenseConv2d
        elif (
            layer.kernel_size == (5, 5)
            and layer.groups == layer.in_channels == layer.out_channels
            and layer.stride == (1, 1)
            and layer.padding == (2, 2)
        ):
            layer.__class__ = DepthwiseConv2d
        else:
            continue
        exchanged += 1
    return exchanged
