#include "io/listening.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "io/device.hpp"
#include "io/sockets.hpp"

namespace postern::io {

namespace {

bool is_any_v6(const IpAddress& ip) {
  return ip.is_v6() && std::all_of(ip.bytes().begin(), ip.bytes().end(), [](Byte b) { return b == 0; });
}

Result<UniqueFd> bound_socket(const Endpoint& address, const std::string& device, bool shared) {
  POSTERN_TRY(UniqueFd fd, open_socket(address));
  POSTERN_TRY(const SocketAddress raw, to_socket_address(address));
  if (!address.is_unix()) {
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (shared) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (address.ip.is_v6()) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, is_any_v6(address.ip) ? 0 : 1);
  }
  if (!device.empty()) POSTERN_CHECK(bind_to_device(fd.get(), device));
  if (::bind(fd.get(), raw.get(), raw.size) != 0) return fail(errno_error(errno, "listening on " + address.text()));
  return fd;
}

Result<UniqueFd> listening_socket(const Endpoint& address, const ListenOptions& options, bool shared) {
  POSTERN_TRY(UniqueFd fd, bound_socket(address, options.device, shared));
  if (::listen(fd.get(), options.backlog) != 0) return fail(errno_error(errno, "listening on " + address.text()));
  return fd;
}

// A socket file that nobody answers on is left over from a process that died.
Status remove_stale_path(const Endpoint& address) {
  struct stat info{};
  if (::lstat(address.path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode))
    return fail(ErrorCode::Conflict, "exists and is not a socket; remove it or choose another path", address.path);
  POSTERN_TRY(const UniqueFd probe, open_socket(address));
  POSTERN_TRY(const SocketAddress raw, to_socket_address(address));
  if (::connect(probe.get(), raw.get(), raw.size) == 0 || errno != ECONNREFUSED) {
    return fail(ErrorCode::Conflict, "another process listens here", address.path);
  }
  if (::unlink(address.path.c_str()) != 0) return fail(errno_error(errno, "removing the old socket " + address.path));
  return {};
}

Result<std::vector<UniqueFd>> open_unix(const ListenOptions& options) {
  POSTERN_CHECK(remove_stale_path(options.address));
  std::vector<UniqueFd> out;
  POSTERN_TRY(UniqueFd fd, bound_socket(options.address, {}, false));
  if (::chmod(options.address.path.c_str(), 0660) != 0) return fail(errno_error(errno, "setting the mode of " + options.address.path));
  if (::listen(fd.get(), options.backlog) != 0) return fail(errno_error(errno, "listening on " + options.address.text()));
  out.push_back(std::move(fd));
  return out;
}

Result<std::vector<UniqueFd>> open_tcp(const ListenOptions& options, std::size_t count) {
  Endpoint address = options.address;
  if (!options.device.empty()) {
    POSTERN_TRY(const Device device, usable_device(options.device));
    POSTERN_CHECK(device.check_listens_on(address.ip));
  }
  auto probe = bound_socket(address, options.device, false);
  if (!probe && is_any_v6(address.ip)) {  // no IPv6 in this kernel: all addresses then means IPv4
    address.ip = IpAddress();
    if (auto v4 = bound_socket(address, options.device, false)) probe = std::move(v4);
  }
  if (!probe) return fail(std::move(probe).error());
  *probe = UniqueFd();
  std::vector<UniqueFd> out;
  for (std::size_t i = 0; i < count; ++i) {
    POSTERN_TRY(UniqueFd fd, listening_socket(address, options, true));
    if (address.port == 0) address.port = local_endpoint(fd.get()).port;
    out.push_back(std::move(fd));
  }
  return out;
}

/// In the namespace of the calling thread.
Result<UniqueFd> open_one(const ListenOptions& options) {
  POSTERN_TRY(auto sockets, open_tcp(options, 1));
  return std::move(sockets.front());
}

Status enter_namespace(const std::string& path) {
  const UniqueFd space(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!space)
    return fail(errno_error(errno, "opening the network namespace " + path + " (make it with ip netns add, or correct its name)"));
  if (::setns(space.get(), CLONE_NEWNET) == 0) return {};
  if (errno == EINVAL) return fail(ErrorCode::BadInput, path + " is no network namespace; name one of /run/netns, or the path of one");
  if (errno != EPERM) return fail(errno_error(errno, "entering the network namespace " + path));
  return fail(ErrorCode::Denied, "entering the network namespace " + path +
                                     " needs root (CAP_SYS_ADMIN) when the daemon starts; start it as root with server.user, or run all "
                                     "of it in that namespace (NetworkNamespacePath= of its unit)");
}

}  // namespace

Result<std::vector<UniqueFd>> open_listening(const ListenOptions& options, std::size_t count) {
  return options.address.is_unix() ? open_unix(options) : open_tcp(options, count);
}

bool to_first_of_group(int socket) noexcept {
  sock_filter always_the_first = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{1, &always_the_first};
  return ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0;
}

bool to_all_of_group(int socket) noexcept {
  const int nothing = 0;  // Linux 5.3
  return ::setsockopt(socket, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &nothing, sizeof nothing) == 0;
}

std::string namespace_path(const std::string& name) { return name.find('/') == std::string::npos ? "/run/netns/" + name : name; }

Result<UniqueFd> listen_in_namespace(const ListenOptions& options, const std::string& name) {
  Result<UniqueFd> out = fail(ErrorCode::Internal, "the thread did not run");
  std::thread([&] {
    const Status inside = enter_namespace(namespace_path(name));
    out = inside ? open_one(options) : Result<UniqueFd>(fail(inside.error()));
  }).join();
  return out;
}

}  // namespace postern::io
