// rooms: warden
// A hostile gate in front of the warden: any packet on the control socket, and any text as the list of its ports. Never a crash, never a
// descriptor kept; what is a message has the descriptors of its kind.
#include <sys/socket.h>

#include <cstdlib>

#include "warden/control.hpp"
#include "warden/warden.hpp"

namespace {

using namespace postern;
using namespace postern::warden;

void as_packet(const std::uint8_t* data, std::size_t size) {
  auto ends = Control::pair();
  if (!ends || ::send(ends->first.fd(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) return;
  const auto message = ends->second.receive(std::chrono::steady_clock::now());
  if (!message) {
    if (message.error().code != ErrorCode::BadInput && message.error().code != ErrorCode::Unavailable) std::abort();
    return;
  }
  // No descriptor came, so it can be nothing that has one.
  if (message->kind == ControlKind::Channel || message->kind == ControlKind::Library || message->channel ||
      message->text.size() != size - 1)
    std::abort();
}

void as_ports(std::string_view text) {
  const auto ports = read_ports(text);
  if (!ports) return;
  if (ports->size() > 1024) std::abort();
  for (const auto& [name, port] : *ports) {
    if (name.empty() || name.find('\n') != std::string::npos) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  as_packet(data, size);
  as_ports({reinterpret_cast<const char*>(data), size});
  return 0;
}
