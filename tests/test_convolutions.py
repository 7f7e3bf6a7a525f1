"Our weight gradients are torch's."

import copy

import pytest
import torch
from torch import nn

from petclf.fast.convolutions import DenseConv2d, DepthwiseConv2d, faster_convolutions


@pytest.mark.parametrize(
    "layer, shape, kind",
    [
        (nn.Conv2d(64, 128, 3, 2, 1, bias=False), (3, 64, 15, 11), DenseConv2d),
        (nn.Conv2d(64, 128, 3, 2, 1, bias=False), (3, 64, 12, 8), DenseConv2d),  # nothing is left over at the edges
        (nn.Conv2d(16, 128, 3, 1, 1, bias=False), (5, 16, 7, 7), DenseConv2d),
        (
            nn.Conv2d(16, 64, 3, 1, 1, bias=False),
            (3, 16, 40, 33),
            DenseConv2d,
        ),  # a picture has more rows than are read at once
        (nn.Conv2d(16, 64, 3, 1, 1, bias=False), (300, 16, 2, 1), DenseConv2d),
        (nn.Conv2d(24, 24, 5, 1, 2, groups=24, bias=False), (5, 24, 4, 4), DepthwiseConv2d),
        (nn.Conv2d(24, 24, 5, 1, 2, groups=24, bias=False), (2, 24, 9, 9), DepthwiseConv2d),
    ],
)
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_gradients(layer, shape, kind, layout):
    torch.manual_seed(0)
    other = type(layer)(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        groups=layer.groups,
        bias=False,
    )
    other.load_state_dict(layer.state_dict())
    assert faster_convolutions(other) == 1 and type(other) is kind
    x = torch.randn(shape).to(memory_format=layout)
    results = []
    for one in (copy.deepcopy(layer).double(), other):
        given = x.to(one.weight.dtype).requires_grad_()
        out = one(given)
        (out * torch.linspace(-1, 1, out.numel()).view(out.shape).to(out.dtype)).sum().backward()
        results.append((out, given.grad, one.weight.grad))
    for exact, ours in zip(*results):
        assert torch.allclose(exact.float(), ours, rtol=1e-3, atol=2e-4 * float(exact.abs().max()))


def test_what_is_left_alone():
    model = nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.Conv2d(64, 32, 3, 1, 1, bias=False),
        nn.Conv2d(32, 128, 1, bias=False),
        nn.Conv2d(128, 128, 3, 1, 1),
    )
    assert faster_convolutions(model) == 0


def test_evaluation_is_torchs_own():
    layer = nn.Conv2d(16, 128, 3, 1, 1, bias=False)
    x = torch.randn(2, 16, 8, 8)
    expected = layer(x)
    faster_convolutions(layer)
    assert torch.equal(layer.eval()(x), expected)
