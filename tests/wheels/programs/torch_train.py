"""torch on the CPU: training, autograd functions and hooks in Python, TorchScript, a loader, torch.fx, errors."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 3 * x**2


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.BatchNorm1d(32), nn.Linear(32, 16), nn.GELU())
        self.recurrent = nn.LSTM(4, 8, batch_first=True)
        self.head = nn.Linear(8, 1)

    def forward(self, x):
        x = self.layers(x).view(-1, 4, 4)
        out, _ = self.recurrent(x)
        return self.head(Cube.apply(out[:, -1]))


net = Net()
calls = []
net.head.register_forward_hook(lambda module, args, out: calls.append(tuple(out.shape)))
optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
inputs = torch.randn(256, 8)
targets = inputs.sum(1, keepdim=True).sin()
loader = DataLoader(TensorDataset(inputs, targets), batch_size=32, shuffle=True, num_workers=0)
for epoch in range(20):
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    schedule.step()
    print(epoch, f"{total:.9g}", schedule.get_last_lr())
print(len(calls), set(calls), sum(p.numel() for p in net.parameters()))
net.eval()
with torch.no_grad():
    print(net(inputs[:4]).flatten().tolist())
x = torch.randn(5, dtype=torch.double, requires_grad=True)
print(
    torch.autograd.gradcheck(Cube.apply, x),
    torch.autograd.functional.hessian(lambda t: (t**3).sum(), x).diagonal().tolist(),
)
print(
    torch.vmap(lambda row: row.sort().values[:2])(inputs[:3]).tolist(),
    torch.func.grad(lambda t: t.sin().sum())(inputs[0]).tolist(),
)


@torch.jit.script
def collatz(n: int) -> int:
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


print([collatz(n) for n in range(1, 30)])
print(torch.fx.symbolic_trace(net.layers).code.strip())
loader = DataLoader(TensorDataset(inputs), batch_size=64, num_workers=2)
print([tuple(batch[0].shape) for batch in loader], sum(batch[0].sum().item() for batch in loader))
print(
    torch.load(
        __import__("io").BytesIO(
            (lambda b: (torch.save(net.state_dict(), b), b.getvalue())[1])(__import__("io").BytesIO())
        )
    )["head.bias"]
)
for call in (lambda: torch.ones(2) @ torch.ones(3), lambda: net(torch.ones(2, 3)), lambda: torch.ones(2).backward()):
    try:
        call()
    except RuntimeError as error:
        print(str(error).splitlines()[0])
