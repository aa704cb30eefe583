"""matplotlib: figures of several kinds drawn by Agg and as SVG, and a checksum of every picture."""

import hashlib
import io

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "same"

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

x = np.linspace(0, 10, 400)
grid = np.add.outer(np.sin(x[::8]), np.cos(x[::8]))


def lines(axes):
    for n in range(8):
        axes.plot(x, np.sin(x + n / 3) * n, label=f"$\\sin(x + {n}/3)$", linestyle=["-", "--", ":"][n % 3])
    axes.legend(loc="upper left")
    axes.set_title("lines")


def bars(axes):
    axes.bar(range(12), [n * 7 % 11 for n in range(12)], yerr=0.4, tick_label=[f"b{n}" for n in range(12)])


def contours(axes):
    axes.figure.colorbar(axes.contourf(grid, levels=12), ax=axes)
    axes.contour(grid, colors="k", linewidths=0.5)


def points(axes):
    axes.scatter(x, np.cos(x) * x, c=x, s=5 + x * 3, alpha=0.5)
    axes.set_yscale("symlog")
    axes.annotate("here", (5, 1), (7, 4), arrowprops={"arrowstyle": "->"})


def picture(axes):
    axes.imshow(grid, cmap="viridis", interpolation="bilinear")


for draw in (lines, bars, contours, points, picture):
    figure, axes = plt.subplots(figsize=(5, 4), dpi=80)
    draw(axes)
    figure.tight_layout()
    for kind in ("png", "svg", "pdf"):
        file = io.BytesIO()
        figure.savefig(
            file,
            format=kind,
            metadata={"CreationDate": None} if kind == "pdf" else {"Date": None} if kind == "svg" else {},
        )
        print(draw.__name__, kind, len(file.getvalue()), hashlib.sha256(file.getvalue()).hexdigest())
    print([label.get_text() for label in axes.get_xticklabels()], axes.get_ylim())
    plt.close(figure)
try:
    plt.subplots()[1].plot([1, 2], [1, 2, 3])
except ValueError as error:
    print(error)
