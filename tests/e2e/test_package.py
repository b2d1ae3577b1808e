"""The Debian package: what an administrator installs. Built from the tree that is tested, unpacked into a directory, never installed here."""

import os
import shutil
import stat
import subprocess

import pytest

from peers.daemon import binary


def run(*argv, **options):
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=170, **options)
    assert done.returncode == 0, (argv, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


@pytest.fixture(scope="module")
def package(session_directory):
    """(the .deb, where its files are unpacked, where its control files are)."""
    build = next(folder for folder in binary("posternd").parents if (folder / "CPackConfig.cmake").exists())
    made = session_directory / "package"
    # Everything is built when this runs, so cpack need not ask the build system again.
    run("cpack", "--config", build / "CPackConfig.cmake", "-G", "DEB", "-B", made, "-D", "CPACK_CMAKE_GENERATOR=Ninja", cwd=build)
    (deb,) = made.glob("*.deb")
    run("dpkg-deb", "--extract", deb, made / "root")
    run("dpkg-deb", "--control", deb, made / "control")
    yield deb, made / "root", made / "control"
    shutil.rmtree(made, ignore_errors=True)


def test_it_depends_on_the_libraries_it_uses(package):
    depends = run("dpkg-deb", "--field", package[0], "Depends")
    for library in ("libc6", "libssl3", "libsqlcipher", "libgmime-3.0", "librnp", "libunbound", "passwd"):
        assert library in depends, depends


def test_its_programs_run(package):
    for name in ("posternd", "postern"):
        assert run(package[1] / "usr/bin" / name, "--version").startswith(name)


def test_its_files_stand_where_debian_wants_them(package):
    _, root, control = package
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert found >= {"usr/bin/posternd", "usr/bin/postern", "etc/postern/postern.toml", "usr/lib/systemd/system/postern.service",
                     "usr/lib/postern/libpostern_x400.so", "usr/lib/sysusers.d/postern.conf", "usr/lib/tmpfiles.d/postern.conf", "usr/share/doc/postern/copyright"}
    assert all(path.startswith(("usr/", "etc/postern/")) for path in found), sorted(found)
    assert (control / "conffiles").read_text().split() == ["/etc/postern/postern.toml"]
    for script in ("postinst", "prerm", "postrm"):
        assert os.access(control / script, os.X_OK)
        run("sh", "-n", control / script)


def test_the_unit_is_confined(package):
    unit = (package[1] / "usr/lib/systemd/system/postern.service").read_text().splitlines()
    for line in ("User=postern", "ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "MemoryDenyWriteExecute=yes",
                 "PrivateDevices=yes", "RestrictNamespaces=yes", "SystemCallFilter=@system-service", "StateDirectoryMode=0700", "LimitCORE=0",
                 # what the daemon needs to confine its own processes further, and to end them in order
                 "Type=notify", "KillMode=mixed", "LimitMEMLOCK=infinity",
                 "SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp capset memfd_secret"):
        assert line in unit, line


def test_systemd_understands_the_unit(package, workdir):
    text = (package[1] / "usr/lib/systemd/system/postern.service").read_text()
    unit = workdir / "postern.service"
    unit.write_text(text.replace("/usr/bin/posternd", str(binary("posternd").resolve())))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60)
    complaints = [line for line in done.stderr.splitlines() if "postern.service" in line]
    assert done.returncode == 0 and not complaints, done.stderr


def test_its_script_makes_the_user_the_directory_and_the_secrets(package, workdir):
    """postinst in a root of its own: only the commands that would change this machine are replaced."""
    _, root, control = package
    tools = workdir / "tools"
    tools.mkdir()
    log = workdir / "log"
    for name in ("useradd", "chown"):
        (tools / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {log}\n')
        (tools / name).chmod(0o755)
    (tools / "getent").write_text("#!/bin/sh\nexit 2\n")
    (tools / "install").write_text('#!/bin/sh\nexec /usr/bin/install $(echo "$@" | sed "s/-o [a-z]* -g [a-z]*//")\n')
    for name in ("getent", "install"):
        (tools / name).chmod(0o755)
    place = workdir / "root"
    shutil.copytree(root / "etc", place / "etc")
    text = (control / "postinst").read_text().replace("/etc/postern", f"{place}/etc/postern").replace("/var/lib/postern", f"{place}/var/lib/postern")
    script = workdir / "postinst"
    script.write_text(text.replace("/run/systemd/system", str(place / "no-systemd")))
    def install() -> list[str]:
        run("sh", script, "configure", env={"PATH": f"{tools}:{os.environ['PATH']}"})
        return [(place / "etc/postern" / name).read_text() for name in ("root.key", "database.key")]
    secrets = install()
    assert all(len(secret) == 64 for secret in secrets) and secrets[0] != secrets[1]
    assert install() == secrets, "an upgrade must not make new keys"
    assert "useradd --system" in log.read_text()
    mode = lambda path: stat.S_IMODE((place / path).stat().st_mode)  # noqa: E731
    assert mode("etc/postern/root.key") == mode("etc/postern/database.key") == 0o640
    assert mode("var/lib/postern") == 0o700 and mode("etc/postern") == 0o750
