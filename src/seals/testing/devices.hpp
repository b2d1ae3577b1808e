// For tests: a SoftHSM token and a software TPM (swtpm), each in a temporary folder, gone with the object. A missing program is a failure.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "keys/root_key.hpp"
#include "seals/tpm_device.hpp"

namespace postern::seals::testing {

class TempFolder {
 public:
  TempFolder() {
    char pattern[] = "/tmp/postern-seals-XXXXXX";
    m_path = ::mkdtemp(pattern);
  }
  ~TempFolder() {
    std::error_code ignored;  // a keychain that ends takes its own files away at the same time
    std::filesystem::remove_all(m_path, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] std::string operator/(std::string_view name) const { return m_path / name; }
  /// Mode 0600 unless said otherwise; the path.
  std::string write(std::string_view name, std::string_view text, mode_t mode = 0600) const {
    const std::string path = *this / name;
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }

 private:
  std::filesystem::path m_path;
};

/// A program that ends with the object, at the latest with the test.
class Program {
 public:
  explicit Program(const std::vector<std::string>& argv) {
    std::vector<char*> raw;
    for (const std::string& one : argv) raw.push_back(const_cast<char*>(one.c_str()));
    raw.push_back(nullptr);
    m_pid = ::fork();
    if (m_pid != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::setpgid(0, 0);
    const int nothing = ::open("/dev/null", O_RDWR);
    if (nothing >= 0) {
      ::dup2(nothing, 1);
      ::dup2(nothing, 2);
    }
    ::execvp(raw[0], raw.data());
    ::_exit(127);
  }
  ~Program() { stop(SIGTERM); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  void signal(int number) const { ::kill(m_pid, number); }
  void stop(int number) {
    if (m_pid <= 0) return;
    if (::kill(-m_pid, number) != 0) ::kill(m_pid, number);  // with what it started itself
    wait();
  }
  /// Its exit status.
  int wait() {
    int status = 0;
    ::waitpid(m_pid, &status, 0);
    m_pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] bool runs() {
    if (m_pid > 0 && ::waitpid(m_pid, nullptr, WNOHANG) == m_pid) m_pid = 0;
    return m_pid > 0;
  }

 private:
  pid_t m_pid = 0;
};

inline constexpr const char* kSoftHsm = "/usr/lib/softhsm/libsofthsm2.so";

/// A desktop's keychain (gnome-keyring on a bus of its own), which the environment of this process then names. Its home is a new one.
class Keyring {
 public:
  Keyring() {
    const std::string bus = m_folder / "bus", home = m_folder / "";
    // Without service files, or our first question would have the bus start a second keychain beside the one that is just starting.
    const std::string conf =
        m_folder.write("bus.conf",
                       "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth><policy context='default'>"
                       "<allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/><allow own='*'/></policy></busconfig>");
    const std::string script = "printf %s \"$DBUS_SESSION_BUS_ADDRESS\" > " + bus + ".new; mv " + bus + ".new " + bus +
                               "; printf secret | exec gnome-keyring-daemon --foreground --unlock --components=secrets";
    m_program = std::make_unique<Program>(std::vector<std::string>{"env", "HOME=" + home, "XDG_DATA_HOME=" + home,
                                                                   "XDG_RUNTIME_DIR=" + home, "XDG_CONFIG_HOME=" + home, "dbus-run-session",
                                                                   "--config-file=" + conf, "--", "sh", "-c", script});
    wait_until([&] { return std::filesystem::exists(bus); });
    std::string address;
    std::ifstream(bus) >> address;
    ::setenv("DBUS_SESSION_BUS_ADDRESS", address.c_str(), 1);
    wait_until([] { return store_in_keychain("postern-test", "ready", as_bytes("ready")).has_value(); });
  }

 private:
  template <class Condition>
  void wait_until(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      ASSERT_TRUE(m_program->runs()) << "no keychain: install the Debian packages dbus and gnome-keyring";
      ASSERT_LT(std::chrono::steady_clock::now(), until) << "the keychain does not answer";
      std::this_thread::yield();
    }
  }
  TempFolder m_folder;
  std::unique_ptr<Program> m_program;
};

/// A token "Postern" with the PIN "1234-good". One at a time in a process: SoftHSM reads where its tokens lie from the environment.
class SoftHsm {
 public:
  SoftHsm() {
    std::filesystem::create_directory(m_folder / "tokens");
    const std::string conf = m_folder.write(
        "softhsm.conf", "directories.tokendir = " + (m_folder / "tokens") + "\nobjectstore.backend = file\nlog.level = ERROR\n");
    ::setenv("SOFTHSM2_CONF", conf.c_str(), 1);
    pin("1234-good");
    EXPECT_TRUE(add_token("Postern")) << "softhsm2-util: install the Debian package softhsm2";
  }
  [[nodiscard]] bool add_token(const std::string& label) {
    return Program({"softhsm2-util", "--init-token", "--free", "--label", label, "--pin", "1234-good", "--so-pin", "so-pin-5678"}).wait() ==
           0;
  }
  /// What the PIN file says.
  void pin(std::string_view text) { m_folder.write("pin", std::string(text) + "\n"); }
  [[nodiscard]] std::string uri(std::string_view key, std::string_view token = "Postern") const {
    return "pkcs11:token=" + std::string(token) + ";" + std::string(key) + "?module-path=" + kSoftHsm +
           "&pin-source=file:" + (m_folder / "pin");
  }
  void unplug() {
    std::filesystem::rename(m_folder / "tokens", m_folder / "drawer"), std::filesystem::create_directory(m_folder / "tokens");
  }
  void plug_in() { std::filesystem::remove(m_folder / "tokens"), std::filesystem::rename(m_folder / "drawer", m_folder / "tokens"); }

 private:
  TempFolder m_folder;
};

class SwTpm {
 public:
  SwTpm() { start(); }
  ~SwTpm() { stop(); }
  SwTpm(const SwTpm&) = delete;
  SwTpm& operator=(const SwTpm&) = delete;

  /// As a TCTI.
  [[nodiscard]] std::string tcti() const { return "swtpm:path=" + (m_folder / "s"); }
  /// The machine goes off and on: PCRs are zero again, seeds are kept.
  void restart() {
    stop();
    start();
  }
  void stop() { m_program.reset(); }
  /// It takes connections and does not answer, or goes on.
  void freeze() const { m_program->signal(SIGSTOP); }
  void thaw() const { m_program->signal(SIGCONT); }

 private:
  void start() {
    ::setenv("TSS2_LOG", "all+NONE", 1);
    std::filesystem::remove(m_folder / "s");
    m_program = std::make_unique<Program>(std::vector<std::string>{
        "swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + (m_folder / ""), "--server", "type=unixio,path=" + (m_folder / "s"), "--ctrl",
        "type=unixio,path=" + (m_folder / "s.ctrl"), "--flags", "not-need-init,startup-clear"});
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!TpmDevice::open(tcti())) {
      ASSERT_TRUE(m_program->runs()) << "swtpm does not run: install the Debian package swtpm";
      ASSERT_LT(std::chrono::steady_clock::now(), until) << "swtpm does not answer";
      std::this_thread::yield();
    }
  }
  TempFolder m_folder;
  std::unique_ptr<Program> m_program;
};

}  // namespace postern::seals::testing
