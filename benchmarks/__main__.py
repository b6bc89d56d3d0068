"""One table of all that is measured beside others: ours and theirs, interleaved.

    python -m benchmarks

Training step, prediction, evaluation, input pipeline and starts beside PyTorch, and
prediction beside ONNX Runtime and OpenVINO, each as its module describes it. That is
also how to run one alone, such as `python -m benchmarks.network`.
"""

from benchmarks import evaluation, input_pipeline, network, runtimes, startup
from benchmarks.command import run

if __name__ == "__main__":
    run(
        "table",
        __doc__,
        [
            each.BENCHMARK
            for each in (network, runtimes, evaluation, input_pipeline, startup)
        ],
    )
