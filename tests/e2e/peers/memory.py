"""How much memory a process takes for itself at the most while something happens: pages that no file backs (proc(5): RssAnon, RssShmem), at their peak and not
as a sample saw them."""

import pathlib
import re


def _status(pid: int) -> dict[str, int]:
    """KiB by name."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {name: int(size) for name, size in re.findall(r"^(VmHWM|VmRSS|RssFile):\s+(\d+) kB$", text, re.MULTILINE)}


class MemoryGrowth:
    """From its making on."""

    def __init__(self, pid: int):
        self.pid = pid
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew at what is resident now
        self._before = _status(pid)

    def most(self) -> float:
        """MiB above what there was. The kernel keeps the peak of all pages; those of files (the program's own, as it is read in) are told apart by how many there
        are now: they are not given back in between, and if they were, this says too much and not too little."""
        now = _status(self.pid)
        of_files = max(0, now["RssFile"] - self._before["RssFile"])
        return (now["VmHWM"] - self._before["VmRSS"] - of_files) / 1024
