"""`torch-cudagraph`: eager mode's kernels, recorded once into a CUDA graph and replayed, as fast decoders do."""

from __future__ import annotations

import torch

from portbench_torch.engines.base import Executable, Executor, Run, host_tensor
from portbench_torch.engines.eager import Eager
from portbench_torch.errors import unavailable
from portbench_torch.graph import Graph


class Graphs(Eager):
    """Nothing is launched kernel by kernel: inference entries are CUDA graphs. Training is eager."""

    name = "torch-cudagraph"
    static = True

    def open(self, device: str) -> torch.device:
        found = super().open(device)
        if found.type != "cuda":
            raise unavailable(f"{self.name} on `{device}`", "CUDA graphs need a GPU: its devices are cuda:N")
        return found

    def settings(self) -> dict[str, str]:
        return {**super().settings(), "cuda-graph": "one each inference entry, recorded at its second execution"}

    def run(self, executable: Executable, graph: Graph) -> Run:
        return Run(executable, graph) if executable.program.trains(graph) else Recorded(executable, graph)


class Recorded(Run):
    """An entry whose first execution is eager, whose second records it, and which is replayed from then on.

    A graph reads and writes fixed addresses: inputs are copied into tensors that stay, parameters and states stay
    anyway.
    """

    def __init__(self, executable: Executable, graph: Graph) -> None:
        super().__init__(executable, graph)
        self.recording: torch.cuda.CUDAGraph | None = None
        self.executions = 0
        # Libraries get their workspaces for this stream in the first execution, before anything is recorded on it.
        self.stream = torch.cuda.Stream(self.device)

    def bind(self, name: str, value: bytearray) -> None:
        tensor = host_tensor(value, self.types[name])
        if self.ranges is not None:
            self.ranges.bind(name, tensor)
        slot = self.slots.get(name)
        if slot is None:
            return
        if self.arguments[slot] is None:
            self.arguments[slot] = torch.empty(tensor.shape, dtype=tensor.dtype, device=self.device)
        self.arguments[slot].copy_(tensor)

    def executor(self) -> Executor:
        return self._execute

    def _execute(self) -> None:
        if self.recording is None:
            self._first()
        else:
            if self.ranges is not None:
                self.ranges.check()
            self.recording.replay()

    def _first(self) -> None:
        """Executes eagerly, once; the next time records and replays."""
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        if self.executions == 0:
            with torch.cuda.stream(self.stream):
                self._inference()
            self.executions = 1
        else:
            recording = torch.cuda.CUDAGraph()
            with torch.cuda.graph(recording, stream=self.stream):
                self._inference()
            recording.replay()
            self.recording = recording
        current.wait_stream(self.stream)
