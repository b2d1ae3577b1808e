"""The private path (capability T8): listeners and next hops behind one interface, a WireGuard link between two network namespaces."""

import contextlib
import smtplib
import socket

import pytest

from peers.base import run, wait_until
from peers.privatenet import PrivateNet
from peers.sink import SmtpSink

BOB = "bob@example.net"
LOCAL = "bob@postern.example"


@pytest.fixture
def net(workdir):
    with PrivateNet(workdir) as made:
        yield made


@pytest.fixture
def far_sink(net):
    """The mail server at the other end of the link."""
    with net.inside(lambda: SmtpSink(host=net.there)) as sink:
        yield sink


@pytest.fixture
def private(daemon, net, far_sink):
    """A daemon, not yet started, whose mail for others may leave by the link only."""
    return daemon.route("*", f"smtp:{net.there}:{far_sink.port}", tls="none", interface=net.device)


def warnings(daemon) -> str:
    return "\n".join(daemon.get_json("/status")["warnings"])


def state_of(daemon, what: str, name: str) -> str:
    key = "name" if what == "listeners" else "domain"
    return next(one for one in daemon.get_json("/status")[what] if one[key] == name)["interface_state"]


def peers_of(net, port: int) -> str:
    return net.exec("ss", "-Htn", "state", "established", "sport", "=", f":{port}").stdout.decode()


def greets(net, address: str, port: int) -> bool:
    def talk():
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=2) as client:
            client.settimeout(2)
            return client.recv(4) == b"220 "
        return False
    return net.inside(talk)


# The way out.

def test_mail_goes_over_the_link(private, net, far_sink):
    private.start()
    private.submit(to=BOB)
    far_sink.wait(1, details=private.log_tail)
    peers = peers_of(net, far_sink.port)
    assert f"{net.here}:" in peers and net.veth_here not in peers, peers
    assert state_of(private, "routes", "*") == "up" and net.device not in warnings(private)
    assert net.device in private.cli("status").stdout.decode()


@pytest.mark.parametrize("how", ["down", "deleted"])
def test_without_the_link_mail_waits_and_takes_no_other_road(private, net, far_sink, how):
    private.start()
    private.submit(to=BOB)
    far_sink.wait(1, details=private.log_tail)  # and a connection is kept open over the link
    net.down() if how == "down" else net.delete()
    assert net.reaches(net.there, far_sink.port, inside=False), "the other road, which the routing table offers to everybody"
    wait_until(lambda: far_sink.connections == 2, "that connection at the sink")
    private.submit(to=BOB)
    entry = private.await_attempt(BOB)
    expected = "is down" if how == "down" else "is not there"
    assert "451 4.4.1" in entry["last_reply"] and f"interface {net.device} {expected}" in entry["last_reply"], entry
    assert f"interface {net.device} {expected}" in warnings(private)
    assert state_of(private, "routes", "*") != "up"
    shown = private.cli("status").stdout.decode()
    assert "NOT USABLE" in shown and f"route *: its mail waits: interface {net.device}" in shown, shown
    wait_until(lambda: private.queue_of(BOB)[0]["attempts"] >= 3, "more attempts", details=private.log_tail)
    assert far_sink.connections == 2 and len(far_sink.messages) == 1, "mail left by another road"
    net.up() if how == "down" else net.make()
    far_sink.wait(2, details=private.log_tail)
    private.await_empty_queue()
    assert state_of(private, "routes", "*") == "up" and "waits" not in warnings(private)


def test_a_link_that_is_up_and_leads_nowhere_is_no_reason_to_go_round(private, net, far_sink):
    """The other end of the link is away, and the routing table prefers a road that works: only the binding keeps the mail from it."""
    private.config["timeouts"] = {"connect": "2s"}
    private.start()
    net.exec("ip", "address", "add", f"{net.there}/32", "dev", net.far_veth)
    net.exec("ip", "link", "del", net.far_device)
    run(["ip", "route", "del", f"{net.there}/32", "dev", net.device])
    assert net.reaches(net.there, far_sink.port, inside=False)
    wait_until(lambda: far_sink.connections == 1, "that connection at the sink")
    private.submit(to=BOB)
    assert "451 4.4.1" in private.await_attempt(BOB)["last_reply"]
    assert far_sink.connections == 1 and not far_sink.messages


# The way in.

@pytest.fixture
def guarded(daemon, net):
    """Every address, one interface."""
    daemon.config["listener"].append({"kind": "mx", "name": "private", "address": "0.0.0.0:0", "tls": "none", "interface": net.device})
    return daemon


def test_a_listener_on_the_link_is_reached_by_nothing_else(guarded, net):
    guarded.start()
    port = guarded.port("private")
    assert greets(net, net.here, port)
    for address in (net.veth_here, "127.0.0.1"):
        assert not net.reaches(address, port, inside=False), address
    assert not net.reaches(net.veth_here, port, inside=True)
    net.exec("ip", "route", "replace", f"{net.here}/32", "via", net.veth_here)
    assert not net.reaches(net.here, port, inside=True), "the link's address, by the other wire"
    assert state_of(guarded, "listeners", "private") == "up"


@pytest.mark.parametrize("user", ["", "nobody"])
def test_a_listener_comes_back_with_its_interface(guarded, net, user):
    guarded.config["server"]["user"] = user
    guarded.start()
    port, index = guarded.port("private"), net.index
    net.delete()
    wait_until(lambda: "listener private: nobody can connect" in warnings(guarded), "a warning", 10, details=guarded.log_tail)
    assert "is not there" in state_of(guarded, "listeners", "private")
    assert not net.reaches(net.veth_here, port, inside=True) and not net.reaches("127.0.0.1", port, inside=False)
    net.make()
    assert net.index != index
    wait_until(lambda: greets(net, net.here, port), "the listener on the new interface", 10, details=guarded.log_tail)
    wait_until(lambda: state_of(guarded, "listeners", "private") == "up", "its state", 5)
    net.down()
    wait_until(lambda: "is down" in state_of(guarded, "listeners", "private"), "its state", 5)
    net.up()
    wait_until(lambda: greets(net, net.here, port), "the listener again", 10, details=guarded.log_tail)
    assert not net.reaches(net.veth_here, port, inside=True)
    assert "io.interface_lost" in guarded.log_text() and "io.interface_back" in guarded.log_text()


@pytest.mark.parametrize("fault, expected", [("deleted", "is not there; bring it up"), ("down", "is down; bring it up"),
                                             ("no address", "has not the address 10.177.")])
def test_without_its_interface_the_daemon_refuses_to_start(daemon, net, fault, expected):
    daemon.config["listener"].append({"kind": "mx", "name": "private", "address": f"{net.here}:0", "tls": "none", "interface": net.device})
    if fault == "deleted":
        net.delete()
    elif fault == "down":
        net.down()
    else:
        run(["ip", "address", "flush", "dev", net.device])
    status, log = daemon.start_expecting_failure()
    assert status != 0 and f"listener private: interface {net.device} {expected}" in log, log


def test_https_on_the_link_only(daemon, net):
    daemon.config["http"]["tls"] = {"address": "0.0.0.0:0", "interface": net.device}
    daemon.start()
    port = daemon.port("https")
    assert net.reaches(net.here, port, inside=True)
    assert not net.reaches(net.veth_here, port, inside=True) and not net.reaches("127.0.0.1", port, inside=False)
    assert state_of(daemon, "listeners", "https") == "up"


# Another network namespace.

@pytest.fixture
def foreign(daemon, net):
    daemon.config["listener"].append({"kind": "mx", "name": "foreign", "address": f"{net.there}:0", "tls": "none", "interface": net.far_device,
                                      "network_namespace": net.namespace})
    return daemon


@pytest.mark.parametrize("options", [[], ["--single"]])
def test_a_listener_in_another_namespace(foreign, net, options):
    foreign.options = options
    foreign.start()
    port = foreign.port("foreign")

    def send():
        with smtplib.SMTP(net.there, port, timeout=10) as client:
            client.sendmail("carol@example.org", [LOCAL], b"Subject: from the other side\r\n\r\nHello\r\n")
    assert net.reaches(net.there, port, inside=False), "over the link"
    assert not net.reaches("127.0.0.1", port, inside=True) and not net.reaches("127.0.0.1", port, inside=False)
    net.inside(send)
    foreign.await_mail(LOCAL)
    shown = next(one for one in foreign.get_json("/status")["listeners"] if one["name"] == "foreign")
    assert shown["network_namespace"] == net.namespace and shown["interface_state"] == "up", shown


def test_a_new_gate_gets_the_same_listener(foreign, net):
    foreign.start()
    port = foreign.port("foreign")
    foreign.kill_process("gate")
    foreign.await_ready()
    assert foreign.port("foreign") == port
    with socket.create_connection((net.there, port), timeout=5) as client:
        assert client.recv(4) == b"220 "


def test_an_interface_made_anew_in_another_namespace_needs_a_restart_and_says_so(foreign, net):
    foreign.start()
    net.exec("ip", "link", "del", net.far_device)
    wait_until(lambda: "is not there" in state_of(foreign, "listeners", "foreign"), "its state", 10, details=foreign.log_tail)
    net._make_end(net.far_device, net.there, inside=True)
    wait_until(lambda: "start the daemon again" in state_of(foreign, "listeners", "foreign"), "its state", 10, details=foreign.log_tail)


@pytest.mark.parametrize("fault", ["missing", "no namespace", "no right"])
def test_a_namespace_that_cannot_be_entered_is_a_clear_refusal_to_start(foreign, net, fault):
    listener = foreign.listener("foreign")
    if fault == "missing":
        listener["network_namespace"], expected = "pt-none", "listener foreign: opening the network namespace /run/netns/pt-none"
    elif fault == "no namespace":
        listener["network_namespace"], expected = "/dev/null", "/dev/null is no network namespace"
    else:
        foreign.wrapper, expected = ["setpriv", "--bounding-set=-sys_admin"], "needs root (CAP_SYS_ADMIN)"
    status, log = foreign.start_expecting_failure()
    assert status != 0 and expected in log, log


# The file.

@pytest.mark.parametrize("change, expected", [
    ({"listener": {"interface": "much-too-long-a-name"}}, "interface is \"much-too-long-a-name\"; must be the name of a network interface"),
    ({"route": {"via": "mailbox", "interface": "wg0"}}, "interface is for routes by mx, smtp: or lmtp:"),
])
def test_what_cannot_be_is_a_fault_of_the_file(daemon, change, expected):
    if "route" in change:
        daemon.route("example.net", **change["route"])
    else:
        daemon.listener("plain").update(change["listener"])
    status, log = daemon.start_expecting_failure()
    assert status == 2 and expected in log, log
