import torch
from fastai.vision.all import Optimizer
from torch.optim.adamw import adamw


class FusedAdam(Optimizer):
    "fastai's Adam, each step one call of torch for all parameters (Loshchilov and Hutter, ICLR 2019; the arithmetic of `torch.optim.AdamW`)."

    def __init__(
        self,
        params,  # parameters, or lists of them
        lr=1e-3,  # learning rate
        mom=0.9,  # of the mean of gradients
        sqr_mom=0.99,  # of the mean of their squares
        eps=1e-5,  # added to the root
        wd=0.01,  # decoupled weight decay
    ):
        super().__init__(params, [], lr=lr, mom=mom, sqr_mom=sqr_mom, eps=eps, wd=wd)

    def zero_grad(self):
        for parameter, *_ in self.all_params():
            parameter.grad = None  # the next gradient is then written, not added

    @torch.no_grad()
    def step(self, closure=None):
        together = {}
        for parameter, _, state, hyper in self.all_params(with_grad=True):
            if "grad_avg" not in state:
                state |= dict(
                    grad_avg=torch.zeros_like(parameter),
                    sqr_avg=torch.zeros_like(parameter),
                    step=torch.zeros((), device=parameter.device),
                )
            if not isinstance(state["step"], torch.Tensor):
                state["step"] = torch.tensor(float(state["step"]), device=parameter.device)  # from fastai's own
            self.state[parameter] = state
            decay = hyper["wd"] if state.get("do_wd", True) else 0.0  # fastai spares biases and batch norms
            together.setdefault((hyper["lr"], hyper["mom"], hyper["sqr_mom"], hyper["eps"], decay), []).append(
                (parameter, state)
            )
        for (lr, mom, sqr_mom, eps, decay), members in together.items():
            remembered = [[state[name] for _, state in members] for name in ("grad_avg", "sqr_avg", "step")]
            adamw(
                [parameter for parameter, _ in members],
                [parameter.grad for parameter, _ in members],
                *remembered[:2],
                [],
                remembered[2],
                fused=True,
                amsgrad=False,
                beta1=mom,
                beta2=sqr_mom,
                lr=lr,
                weight_decay=decay,
                eps=eps,
                maximize=False,
            )
