import pathlib, pytest
from peers.base import wait_until
from peers.wiretap import Wiretap
from peers.dissect import dissect
from test_x400_store import Person, configure, ALICE
@pytest.mark.parametrize("reliable",[False,True])
def test_exp(daemon, reliable):
    configure(daemon, "north", "C=DE;A= ;P=NORTH")
    daemon.start()
    alice = Person(daemon, ALICE)
    tap = Wiretap(daemon.ports["x400"])
    real = daemon.ports["x400"]
    more = ["--reliable"] if reliable else []
    opts = alice.options
    alice.options = lambda p: opts(p)+more
    daemon.ports["x400"] = tap.port
    alice.submit(ALICE, "hello there", "p3", "--report", "--receipt")
    alice.submit(ALICE, "hello there", "p7", "--report")
    es = alice.wait(4)
    for e in es: alice.message(e["number"])
    daemon.cli("x400","delete",str(es[0]["number"]),*alice.options("p7"))
    daemon.stop()
    tap.join()
    cap = dissect(tap.transcripts)
    pathlib.Path(f"/tmp/nt/wire{int(reliable)}.txt").write_text(cap.text()+"\n".join(map(str,cap.complaints())))
    import shutil; shutil.copy(cap.path, f"/tmp/nt/wire{int(reliable)}.pcap")
