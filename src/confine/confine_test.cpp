#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "confine/confinement.hpp"

namespace postern::confine {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "postern-confine-XXXXXX").string();
    m_path = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(m_path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const { return (m_path / name).string(); }
  std::string file(const std::string& name) const {
    fs::create_directories(fs::path(*this / name).parent_path());
    std::ofstream(*this / name) << "text";
    return *this / name;
  }

 private:
  fs::path m_path;
};

/// The exit status of a child that ran `work`, or 1000 and its signal. A confinement is for ever, so each has a child of its own.
template <class Work>
int in_child(const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// errno of opening; 0 when it opens.
int open_error(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
  return fd >= 0 ? 0 : errno;
}

int connect_error(std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ? 0 : errno;
}

#define NEEDS_ABI(N) \
  if (landlock_abi() < (N)) GTEST_SKIP() << "Landlock ABI " << landlock_abi() << " of this kernel, " << (N) << " needed"

TEST(Landlock, OnlyNamedPathsAreLeft) {
  NEEDS_ABI(3);
  const Folder folder;
  const std::string open = folder.file("open/a"), shut = folder.file("shut/b"), single = folder.file("single/c");
  folder.file("single/d");
  EXPECT_EQ(
      in_child([&] {
        LandlockRules rules;
        rules.paths = {{folder / "open", Access::Write}, {single, Access::Append}, {folder / "nowhere", Access::Read}};
        if (!restrict_with_landlock(rules)) return 1;
        if (open_error(open, O_RDWR) != 0 || open_error(folder / "open/new", O_WRONLY | O_CREAT) != 0) return 2;
        if (open_error(shut, O_RDONLY) != EACCES || open_error(shut, O_WRONLY) != EACCES) return 3;
        if (open_error(single, O_WRONLY | O_TRUNC) != 0 || open_error(folder / "single/d", O_RDONLY) != EACCES) return 4;
        if (open_error(folder / "single/new", O_WRONLY | O_CREAT) != EACCES) return 5;
        if (::truncate(shut.c_str(), 0) != -1 || ::unlink(shut.c_str()) != -1 || ::rename(shut.c_str(), (folder / "open/b").c_str()) != -1)
          return 6;
        return 0;
      }),
      0);
  EXPECT_EQ(fs::file_size(shut), 4U);
}

TEST(Landlock, ReadingIsNotWriting) {
  NEEDS_ABI(3);
  const Folder folder;
  const std::string file = folder.file("a");
  EXPECT_EQ(in_child([&] {
              LandlockRules rules;
              rules.paths = {{folder / "", Access::Read}};
              if (!restrict_with_landlock(rules)) return 1;
              if (open_error(file, O_RDONLY) != 0) return 2;
              return open_error(file, O_WRONLY) == EACCES && ::truncate(file.c_str(), 0) == -1 ? 0 : 3;
            }),
            0);
}

TEST(Landlock, OnlyNamedPortsAreReached) {
  NEEDS_ABI(4);
  EXPECT_EQ(in_child([] {
              LandlockRules rules;
              rules.connect_ports = {1};
              if (!restrict_with_landlock(rules)) return 1;
              return connect_error(1) != EACCES && connect_error(2) == EACCES ? 0 : 2;  // refused by the host, and by Landlock
            }),
            0);
}

TEST(Landlock, AnyPortMayBeReachedAndNoneBound) {
  NEEDS_ABI(4);
  EXPECT_EQ(in_child([] {
              LandlockRules rules;
              rules.any_connect_port = true;
              if (!restrict_with_landlock(rules)) return 1;
              return connect_error(1) != EACCES && connect_error(2) != EACCES ? 0 : 2;
            }),
            0);
}

TEST(Landlock, NobodyElseIsSignalled) {
  NEEDS_ABI(6);
  EXPECT_EQ(in_child([] {
              if (!restrict_with_landlock({})) return 1;
              return ::kill(::getppid(), 0) == -1 && errno == EPERM && ::kill(::getpid(), 0) == 0 ? 0 : 2;
            }),
            0);
}

TEST(Landlock, AnOlderKernelIsToldOf) {
  const Folder folder;
  const std::string file = folder.file("a");
  for (const auto& [abi, gaps] : {std::pair{0, 1U}, {1, 3U}, {2, 3U}, {3, 2U}, {4, 1U}, {5, 1U}}) {
    if (landlock_abi() < abi) continue;
    EXPECT_EQ(in_child([&, version = abi, count = gaps] {
                const auto missing = restrict_with_landlock({}, version);
                if (!missing || missing->size() != count) return 1;
                return open_error(file, O_RDONLY) == (version == 0 ? 0 : EACCES) ? 0 : 2;
              }),
              0)
        << abi;
  }
}

TEST(Landlock, ARequiredPathThatIsGoneIsAnError) {
  NEEDS_ABI(1);
  EXPECT_EQ(in_child([] {
              LandlockRules rules;
              rules.paths = {{"/nowhere/at/all", Access::Read, false}};
              const auto refused = restrict_with_landlock(rules);
              return !refused && refused.error().code == ErrorCode::NotFound ? 0 : 1;
            }),
            0);
}

int confined_calls(const SystemCalls& calls) {
  (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return restrict_system_calls(calls) ? 0 : 99;
}

TEST(Seccomp, OrdinaryWorkGoesOn) {
  EXPECT_EQ(in_child([] {
              if (confined_calls({}) != 0) return 1;
              int sum = 0;
              std::thread([&] { sum = 1; }).join();
              void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              return sum == 1 && page != MAP_FAILED && ::kill(::getpid(), 0) == 0 ? 0 : 2;
            }),
            0);
}

TEST(Seccomp, OneMayEndWithItsParentAndNotWithdrawIt) {
  EXPECT_EQ(in_child([] {
              if (confined_calls({}) != 0) return 1;
              if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return 2;
              return ::prctl(PR_SET_PDEATHSIG, 0) == -1 ? 0 : 3;
            }),
            0);
}

TEST(Seccomp, NoSocketsButThoseThatAreAllowed) {
  EXPECT_EQ(in_child([] {
              if (confined_calls({}) != 0) return 1;
              for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, AF_PACKET}) {
                if (::socket(family, SOCK_STREAM, 0) != -1 || errno != EPERM) return 2;
              }
              return ::listen(0, 1) == -1 && errno == EPERM ? 0 : 3;
            }),
            0);
  EXPECT_EQ(in_child([] {
              SystemCalls client;
              client.tcp_client = true;
              if (confined_calls(client) != 0) return 1;
              if (::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) < 0) return 2;
              if (::socket(AF_INET, SOCK_DGRAM, 0) != -1 || ::socket(AF_INET, SOCK_RAW, 1) != -1 || ::socket(AF_UNIX, SOCK_STREAM, 0) != -1)
                return 3;
              return ::listen(0, 1) == -1 && errno == EPERM ? 0 : 4;
            }),
            0);
}

TEST(Seccomp, WhatOnlyIntrudersDoEndsTheProcess) {
  EXPECT_EQ(in_child([] {
              if (confined_calls({}) != 0) return 1;
              ::execl("/bin/true", "true", nullptr);
              return 0;
            }),
            1000 + SIGSYS);
  EXPECT_EQ(in_child([] {
              if (confined_calls({}) != 0) return 1;
              (void)::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
              return 0;
            }),
            1000 + SIGSYS);
}

TEST(Seccomp, NoProcessesNoOtherSignalsNoWrittenCode) {
  EXPECT_EQ(in_child([] {
              if (confined_calls({}) != 0) return 1;
              if (::fork() != -1) return 2;
              if (::kill(::getppid(), 0) != -1 || errno != EPERM) return 3;
              void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              if (::mprotect(page, 4096, PROT_READ | PROT_EXEC) != -1) return 4;
              if (::mmap(nullptr, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) return 5;
              return ::prctl(PR_SET_DUMPABLE, 1) == -1 ? 0 : 6;
            }),
            0);
}

TEST(Privileges, CapabilitiesAndUserAreGoneForEver) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(in_child([] {
              if (!drop_capabilities(KeepCapability::WardenOnly)) return 1;
              if (!become({65534, 65534, "nobody"}) || !drop_capabilities(KeepCapability::None)) return 2;
              if (::geteuid() != 65534 || ::setresuid(0, 0, 0) == 0 || ::setgroups(0, nullptr) == 0) return 3;
              return ::prctl(PR_CAPBSET_READ, 0 /* CAP_CHOWN */, 0, 0, 0) == 0 ? 0 : 4;
            }),
            0);
  EXPECT_EQ(in_child([] {
              if (!drop_capabilities(KeepCapability::None)) return 1;
              return ::chown("/tmp", 0, 0) == -1 || ::chroot("/") == -1 ? 0 : 2;
            }),
            0);
}

TEST(Privileges, UsersAreFoundByName) {
  EXPECT_EQ(find_user("no-such-user-here").error().code, ErrorCode::NotFound);
  EXPECT_EQ(find_user("root").error().code, ErrorCode::BadInput);
  EXPECT_EQ(find_user("nobody")->uid, 65534U);
}

class ConfinementRules : public ::testing::Test {
 protected:
  ConfinementRules() {
    config.storage.data_dir = folder / "var";
    config.source = folder / "etc/postern.toml";
    config.http.address = "127.0.0.1:8080";
    for (const char* part : {"var/keeper", "var/mail", "var/audit", "etc/tls", "etc/profiles/certs"}) fs::create_directories(folder / part);
  }
  static const PathRule* rule(const Rules& rules, const std::string& path) {
    const auto found = std::ranges::find(rules.reach.paths, path, &PathRule::path);
    return found == rules.reach.paths.end() ? nullptr : &*found;
  }
  Folder folder;
  config::Config config;
};

TEST_F(ConfinementRules, TheGateSeesNothingOfTheKeepers) {
  config.tls.certificate = "tls/chain.pem";
  config.tls.key = "tls/key.pem";
  const Rules rules = gate_rules(config).value();
  ASSERT_NE(rule(rules, folder / "var/mail"), nullptr);
  EXPECT_EQ(rule(rules, folder / "var/mail")->access, Access::Write);
  ASSERT_NE(rule(rules, folder / "etc/tls"), nullptr) << "a renewed certificate is another file in that folder";
  for (const PathRule& path : rules.reach.paths) {
    for (const char* kept : {"var/keeper", "var/audit"})
      EXPECT_NE((folder / kept).rfind(path.path.back() == '/' ? path.path : path.path + "/", 0), 0U) << path.path;
  }
  EXPECT_TRUE(rules.calls.internet_server);
  EXPECT_FALSE(rules.calls.unix_client);
  EXPECT_EQ(rules.capability, KeepCapability::None);
}

TEST_F(ConfinementRules, AFileBesideTheRootKeyIsAllowedAlone) {
  config.keys.root = "file:" + (folder / "etc/root.key");
  config.smime.trust = "trust.pem";
  const Rules rules = gate_rules(config).value();
  EXPECT_NE(rule(rules, folder / "etc/trust.pem"), nullptr);
  EXPECT_EQ(rule(rules, folder / "etc"), nullptr);
  EXPECT_FALSE(rules.opened.empty()) << "that it must be started again after a change is said";
}

TEST_F(ConfinementRules, TheTokenOfTheMtaHookIsTheGatesWhileTheHookIsOn) {
  fs::create_directories(folder / "etc/secrets");
  config.mta_hook.secret_ref = "file:secrets/hook";
  EXPECT_EQ(rule(gate_rules(config).value(), folder / "etc/secrets"), nullptr);
  config.mta_hook.enabled = true;
  const Rules rules = gate_rules(config).value();
  ASSERT_NE(rule(rules, folder / "etc/secrets"), nullptr);
  EXPECT_EQ(rule(rules, folder / "etc/secrets")->access, Access::Read);
  const char* environment[] = {"HOOK_TOKEN=x", nullptr};
  EXPECT_TRUE(gate_environment(config, environment).empty());
  config.mta_hook.secret_ref = "env:HOOK_TOKEN";
  EXPECT_EQ(gate_environment(config, environment), std::vector<std::string>{"HOOK_TOKEN=x"});
  EXPECT_TRUE(keeper_environment(config, environment).empty());
}

TEST_F(ConfinementRules, AFolderThatHoldsTheKeepersIsRefused) {
  config.server.gate_paths = {folder / ""};
  const auto refused = gate_rules(config);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::BadInput);
}

TEST_F(ConfinementRules, PortsComeFromSettings) {
  config::Listener mx;
  mx.address = "0.0.0.0:25";
  config.listeners = {mx};
  config::Route route;
  route.via = "smtp:relay.example:2525";
  config.routes = {route};
  config.dns.servers = {"192.0.2.1@5353"};
  const Rules rules = gate_rules(config).value();
  EXPECT_EQ(rules.reach.bind_ports, (std::vector<std::uint16_t>{25, 8080}));
  EXPECT_EQ(rules.reach.connect_ports, (std::vector<std::uint16_t>{25, 53, 80, 443, 2525, 5353}));
  EXPECT_EQ(rules.capability, KeepCapability::BindLowPorts);
  EXPECT_FALSE(rules.reach.any_bind_port);
  config.outbound.mta_sts = false;
  EXPECT_EQ(gate_rules(config)->reach.connect_ports, (std::vector<std::uint16_t>{25, 53, 80, 2525, 5353})) << "no policies, no HTTPS";
  config.outbound.revocation = "off";
  EXPECT_EQ(gate_rules(config)->reach.connect_ports, (std::vector<std::uint16_t>{25, 53, 2525, 5353})) << "nobody is asked for revocation";
  const std::vector<std::function<void(config::Config&)>> reasons{
      [](auto& c) { c.tls.certificate = "tls.pem"; }, [](auto& c) { c.listeners.front().client_ca = "clients.pem"; },
      [](auto& c) { c.http.tls.client_ca = "clients.pem"; }, [](auto& c) { c.smime.trust = "signers.pem"; }};
  for (const auto& reason : reasons) {
    config::Config asks = config;
    reason(asks);
    EXPECT_EQ(gate_rules(asks)->reach.connect_ports, (std::vector<std::uint16_t>{25, 53, 80, 2525, 5353})) << "each of these alone";
  }
  config.routes.front().revocation = "hard";
  config.reports.from = "reports@example.org";
  EXPECT_EQ(gate_rules(config)->reach.connect_ports, (std::vector<std::uint16_t>{25, 53, 80, 443, 2525, 5353}))
      << "reports may go by HTTPS";
}

TEST_F(ConfinementRules, AUnixSocketIsMadeInItsOwnFolderOnly) {
  config::Listener milter;
  milter.kind = "milter";
  fs::create_directories(folder / "run");
  milter.address = "unix:" + std::string(folder / "run/milter.sock");
  config.listeners = {milter};
  const Rules rules = gate_rules(config).value();
  EXPECT_TRUE(rules.calls.unix_server);
  EXPECT_FALSE(rules.reach.any_bind_port);
  const auto sockets = std::ranges::count_if(rules.reach.paths, [](const PathRule& rule) { return rule.access == Access::Sockets; });
  EXPECT_EQ(sockets, 1);
}

TEST_F(ConfinementRules, TheKeeperHasNoNetworkUntilASettingWantsIt) {
  const Rules usual = keeper_rules(config).value();
  EXPECT_FALSE(usual.calls.tcp_client || usual.calls.udp_client || usual.calls.unix_client || usual.calls.internet_server);
  EXPECT_TRUE(usual.opened.empty());
  EXPECT_TRUE(usual.reach.connect_ports.empty());
  EXPECT_EQ(rule(usual, folder / "var/mail"), nullptr);
  EXPECT_EQ(rule(usual, "/etc"), nullptr);
  config.engine.audit_socket = "tcp:192.0.2.1:6514";
  config.engine.audit_syslog = "unix:/dev/log";
  const Rules wider = keeper_rules(config).value();
  EXPECT_TRUE(wider.calls.tcp_client && wider.calls.unix_client);
  EXPECT_EQ(wider.reach.connect_ports, std::vector<std::uint16_t>{6514});
  EXPECT_EQ(wider.opened.size(), 2U);
}

TEST_F(ConfinementRules, TheFilesOfX400AreTheGatesWhileItIsSpoken) {
  for (const char* part : {"etc/x400/profiles", "etc/x400/tls", "etc/vendor"}) fs::create_directories(folder / part);
  config.transport.profiles_dir = "x400/profiles";
  config.transport.tls.client_key = "x400/tls/key.pem";
  config.transport.sdk.library_path = "vendor/x400.so";
  const auto reads = [&](const char* path) {
    const Rules rules = gate_rules(config).value();
    const auto* found = rule(rules, folder / path);
    return found != nullptr && found->access == Access::Read;
  };
  for (const char* path : {"etc/x400/profiles", "etc/x400/tls", "etc/vendor"}) EXPECT_FALSE(reads(path)) << path;
  config.transport.mode = "native";
  EXPECT_TRUE(reads("etc/x400/profiles") && reads("etc/x400/tls") && !reads("etc/vendor"));
  config.transport.mode = "sdk";
  EXPECT_TRUE(reads("etc/vendor"));
  const char* environment[] = {"X400_SDK_LIBRARY=/a.so", "X400_SDK_PROFILE=p", "X400_OTHER=x", nullptr};
  EXPECT_EQ(gate_environment(config, environment), (std::vector<std::string>{"X400_SDK_LIBRARY=/a.so", "X400_SDK_PROFILE=p"}));
}

TEST_F(ConfinementRules, UsersWhomTheMtaCallsAreReached) {
  config::X400CalledUser user;
  user.address = "p3@bob.example:1103";
  user.password_ref = "env:BOBS_WORDS";
  user.ca = "bob/ca.pem";
  config.x400_called_users.push_back(user);
  fs::create_directories(folder / "etc/bob");
  const Rules rules = gate_rules(config).value();
  EXPECT_EQ(std::ranges::count(rules.reach.connect_ports, 1103), 1);
  EXPECT_NE(rule(rules, folder / "etc/bob"), nullptr);
  const char* environment[] = {"BOBS_WORDS=x", "OTHER_WORDS=y", "PEERS_WORDS=z", nullptr};
  EXPECT_EQ(gate_environment(config, environment), std::vector<std::string>{"BOBS_WORDS=x"});
  config.x400_peers.emplace_back().peer_password_ref = "env:PEERS_WORDS";
  EXPECT_EQ(gate_environment(config, environment), (std::vector<std::string>{"BOBS_WORDS=x", "PEERS_WORDS=z"}));
}

TEST_F(ConfinementRules, WhatProfilesNameIsTheGatesToo) {
  config.transport.mode = "native";
  config.transport.tls.ocsp_responder = "http://ocsp.example:8080/";
  std::ofstream(folder / "etc/profiles/a.toml") << "peer = \"x@store.example:1102\"\npassword_ref = \"env:STORE_WORDS\"\n";
  std::ofstream(folder / "etc/profiles/b.toml") << "peer = \"mta.example\"\n";
  std::ofstream(folder / "etc/profiles/c.toml") << "no TOML";
  const auto ports = gate_rules(config)->reach.connect_ports;
  for (const int port : {102, 1102, 8080, 80}) EXPECT_EQ(std::ranges::count(ports, port), 1) << port;
  const char* environment[] = {"STORE_WORDS=x", "OTHER_WORDS=y", nullptr};
  EXPECT_EQ(gate_environment(config, environment), std::vector<std::string>{"STORE_WORDS=x"});
  config.keys.root = "env:STORE_WORDS";
  EXPECT_TRUE(gate_environment(config, environment).empty()) << "the keeper's is never the gate's";
}

TEST_F(ConfinementRules, TheLibraryOfX400HasAFolderOfItsOwnAndNoMail) {
  for (const char* part : {"etc/vendor", "var/library", "opt"}) fs::create_directories(folder / part);
  config.transport.mode = "sdk";
  config.transport.sdk.library_path = "vendor/x400.so";
  config.transport.sdk.paths = {folder / "opt"};
  const Rules rules = library_rules(config).value();
  for (const char* path : {"var/library", "opt"}) EXPECT_EQ(rule(rules, folder / path)->access, Access::Write) << path;
  EXPECT_EQ(rule(rules, folder / "etc/vendor")->access, Access::Read);
  for (const PathRule& path : rules.reach.paths)
    for (const char* kept : {"var/keeper", "var/audit", "var/mail", "var/admin.token"})
      EXPECT_NE((folder / kept).rfind(path.path.back() == '/' ? path.path : path.path + "/", 0), 0U) << path.path;
  EXPECT_TRUE(rules.calls.tcp_client && !rules.calls.internet_server && rules.reach.any_connect_port);
  EXPECT_TRUE(rules.reach.bind_ports.empty() && !rules.reach.any_bind_port);
  config.transport.sdk.paths = {folder / "var"};
  EXPECT_NE(library_rules(config).error().what.find("would show the library what it may not see"), std::string::npos);
  const char* environment[] = {"PATH=/bin", "POSTERN_SERVER__HOSTNAME=h", "AWS_SECRET_ACCESS_KEY=z", nullptr};
  EXPECT_EQ(library_environment(config, environment), (std::vector<std::string>{"PATH=/bin", "POSTERN_SERVER__HOSTNAME=h"}));
}

TEST_F(ConfinementRules, TheLibraryOfX400ReadsNoKeysOfOurMail) {
  for (const char* part : {"etc/profiles/openpgp", "etc/profiles/more"}) fs::create_directories(folder / part);
  for (const char* part : {"etc/profiles/a.toml", "etc/profiles/certs/signing.key", "etc/ca.pem", "etc/tls/key.pem", "etc/x400.so"})
    std::ofstream(folder / part) << "x";
  fs::create_symlink(folder / "etc/profiles/certs", folder / "etc/profiles/link");
  config.transport.mode = "sdk";
  config.transport.tls.ca_bundle = "ca.pem";
  config.transport.tls.client_key = "tls/key.pem";
  config.transport.sdk.library_path = "x400.so";
  const auto reads = [&](const char* path) { return rule(library_rules(config).value(), folder / path) != nullptr; };
  for (const char* path : {"etc/profiles/a.toml", "etc/profiles/more", "etc/ca.pem", "etc/tls/key.pem", "etc/x400.so"})
    EXPECT_TRUE(reads(path)) << path;
  for (const char* path : {"etc", "etc/tls", "etc/profiles", "etc/profiles/certs", "etc/profiles/openpgp", "etc/profiles/link"})
    EXPECT_FALSE(reads(path)) << path;
  config.smime.certificates_dir = "profiles";
  EXPECT_TRUE(reads("etc/profiles/a.toml") && !reads("etc/profiles/certs") && !reads("etc/profiles/more"));
  config.transport.sdk.paths = {folder / "etc/profiles"};
  EXPECT_FALSE(library_rules(config));
}

bool has(const std::vector<std::string>& list, const std::string& text) { return std::ranges::find(list, text) != list.end(); }

TEST_F(ConfinementRules, TheGateDoesNotGetTheKeepersVariables) {
  config.keys.root = "env:POSTERN_ROOT__SECRET";
  config::Route route;
  route.password_ref = "env:RELAY_PASSWORD";
  config.routes = {route};
  const char* environment[] = {
      "PATH=/bin", "POSTERN_ROOT__SECRET=x", "POSTERN_SERVER__HOSTNAME=h", "RELAY_PASSWORD=y", "AWS_SECRET_ACCESS_KEY=z", "POSTERN_OTHER=w",
      nullptr};
  const auto gate = gate_environment(config, environment);
  EXPECT_EQ(gate, (std::vector<std::string>{"PATH=/bin", "POSTERN_SERVER__HOSTNAME=h", "RELAY_PASSWORD=y"}));
  const auto keeper = keeper_environment(config, environment);
  EXPECT_TRUE(has(keeper, "POSTERN_ROOT__SECRET=x"));
  EXPECT_FALSE(has(keeper, "RELAY_PASSWORD=y"));
  EXPECT_FALSE(has(keeper, "AWS_SECRET_ACCESS_KEY=z"));
}

TEST_F(ConfinementRules, EnteringWithThreadsIsRefused) {
  std::atomic<bool> stop = false;
  std::thread other([&] {
    while (!stop) std::this_thread::yield();
  });
  const auto refused = enter(keeper_rules(config).value());
  stop = true;
  other.join();
  EXPECT_EQ(refused.error().code, ErrorCode::Internal);
}

TEST_F(ConfinementRules, TheKeeperIsConfinedAsAWhole) {
  NEEDS_ABI(3);
  folder.file("var/keeper/root.key");
  EXPECT_EQ(in_child([&] {
              const auto state = enter(keeper_rules(config).value());
              if (!state || !state->system_calls || state->landlock_abi == 0) return 1;
              if (open_error(folder / "var/keeper/root.key", O_RDWR) != 0) return 2;
              if (open_error("/etc/passwd", O_RDONLY) == 0 || open_error(folder / "var/mail/x", O_WRONLY | O_CREAT) == 0) return 3;
              return ::socket(AF_INET, SOCK_STREAM, 0) == -1 && ::prctl(PR_GET_DUMPABLE) == 0 ? 0 : 4;
            }),
            0);
}

}  // namespace
}  // namespace postern::confine
