# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
import torch

from tests.training.recipes import tiny
from tinify.errors import ConfigError
from tinify.training.image.recipe import Optimizer
from tinify.training.image.trainer import Trainer, learning_rate


def _crops(low=0, high=256):
    return torch.randint(low, high, (2, 3, 64, 64), dtype=torch.uint8)


def test_the_learning_rate_warms_up_and_falls_to_its_end():
    options = Optimizer(steps=100, lr=1.0, final_lr=0.1, warmup_steps=10)
    rates = [learning_rate(step, options) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.1) and learning_rate(10**6, options) == pytest.approx(0.1)


def test_other_schedules_stay_or_drop():
    constant = Optimizer(steps=9, lr=1.0, warmup_steps=2, schedule="constant")
    assert [learning_rate(step, constant) for step in (0, 2, 8)] == [0.5, 1.0, 1.0]
    drops = Optimizer(steps=9, lr=1.0, warmup_steps=0, schedule="steps", drops=[3, 6], drop_factor=0.5)
    assert [learning_rate(step, drops) for step in (2, 3, 5, 6)] == [1.0, 0.5, 0.5, 0.25]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("levels", [0, 2])
def test_the_loss_falls(data, levels, precision):
    trainer = Trainer(tiny(data, precision=precision, codec={"gain_levels": levels}, optimizer={"steps": 60}))
    crops = _crops(100, 160)
    losses = [trainer.train_step(crops)["loss"].item() for _ in range(60)]
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


def test_bfloat16_is_for_networks_alone(data):
    trainer, seen = Trainer(tiny(data, precision="bf16")), {}
    for name in ("g_a.0", "gaussian_conditional", "entropy_bottleneck"):
        trainer.codec.get_submodule(name).register_forward_hook(
            lambda module, given, out, name=name: seen.update({name: (out[0] if isinstance(out, tuple) else out).dtype})
        )
    trainer.train_step(_crops())
    assert seen == {
        "g_a.0": torch.bfloat16,
        "gaussian_conditional": torch.float32,
        "entropy_bottleneck": torch.float32,
    }
    assert all(p.dtype == torch.float32 for p in trainer.codec.parameters())


def test_the_averaged_weights_stay_between_their_start_and_the_trained_ones(data):
    trainer = Trainer(tiny(data))
    start = trainer.codec.g_a[0].bias.detach().clone()
    for _ in range(5):
        trainer.train_step(_crops())
    moved = (trainer.codec.g_a[0].bias - start).norm()
    followed = (trainer.average.g_a[0].bias - start).norm()
    assert 0 < followed < moved
    assert not trainer.average.training


def test_a_step_whose_gradient_is_not_finite_changes_no_network_weight_and_is_counted(data):
    trainer = Trainer(tiny(data))
    assert trainer.train_step(_crops())["skipped"] == 0
    before = {k: v.clone() for k, v in trainer.codec.state_dict().items() if "quantiles" not in k}
    hook = trainer.codec.g_s[-1].bias.register_hook(lambda gradient: gradient * float("nan"))
    assert trainer.train_step(_crops())["skipped"] == 1
    assert all(torch.equal(v, trainer.codec.state_dict()[k]) for k, v in before.items())
    hook.remove()
    assert trainer.train_step(_crops())["skipped"] == 0
    assert all(torch.isfinite(v).all() for v in trainer.codec.state_dict().values() if v.is_floating_point())
    assert not torch.equal(before["g_s.6.bias"], trainer.codec.state_dict()["g_s.6.bias"])


def test_gradients_are_clipped_as_torch_clips_them(data):
    trainer = Trainer(tiny(data))
    parameters = trainer.optimizer.param_groups[0]["params"]
    for p in parameters:
        p.grad = torch.randn_like(p)
    wanted = [p.grad.clone() for p in parameters]
    copies = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
    for copy, gradient in zip(copies, wanted, strict=True):
        copy.grad = gradient
    torch.nn.utils.clip_grad_norm_(copies, 1.0)
    trainer._clip(1.0)
    for p, copy in zip(parameters, copies, strict=True):
        torch.testing.assert_close(p.grad, copy.grad)


def test_only_the_auxiliary_loss_moves_the_quantiles(data):
    trainer = Trainer(tiny(data))
    losses = trainer.objective(_crops(), trainer.rates.of_step(0))
    losses["loss"].backward(retain_graph=True)
    assert trainer.codec.entropy_bottleneck.quantiles.grad is None
    gradients = {name: p.grad.clone() for name, p in trainer.codec.named_parameters() if p.grad is not None}
    losses["aux"].backward()
    assert trainer.codec.entropy_bottleneck.quantiles.grad.abs().sum() > 0
    assert all(torch.equal(g, trainer.codec.get_parameter(name).grad) for name, g in gradients.items())


def test_a_loss_of_several_rates_is_the_mean_of_those_of_each(data):
    recipe = tiny(data, rate={"levels_per_step": 2})
    trainer, crops = Trainer(recipe), _crops()
    trainer.codec.eval()  # without noise
    points = trainer.rates.of_step(0)
    with torch.no_grad():
        both = trainer.objective(crops, points)
        each = [trainer.objective(crops[i : i + 1], [point]) for i, point in enumerate(points)]
    for key in ("loss", "bpp_loss", "mse_loss"):
        torch.testing.assert_close(both[key], torch.stack([losses[key] for losses in each]).mean())


def test_a_codec_that_is_not_trained_on_pictures_is_refused(data):
    with pytest.raises(ConfigError, match=r"codec\.name: 'tokenizer' is no codec of networks for pictures"):
        Trainer(replace(tiny(data), codec={"name": "tokenizer"}))
