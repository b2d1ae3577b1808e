// What warden and child say to each other: one sequenced-packet socket pair for each child.
//
//   warden -> child   channel: a descriptor of a fresh socket pair to the other child, and a text about who is at its other end
//                     quit: come to an end (the keeper's only order to do so)
//   gate   -> warden  again: its channel broke though the keeper lives; another one, please (at most a few a second)
//                     launch: start the process of the vendor's X.400 library; end library: end it, it hangs
//   warden -> gate    library: descriptors of its channel, its standard output and its standard error; or no library: why not
//                     library ended: how, as waitpid() has it, in decimal
//   child  -> warden  ready: from now on it serves; for the gate the names and ports of its listeners, one "NAME PORT" a line
//
// Packets are at most kControlText bytes of text; what is longer, of an unknown kind or with other descriptors is refused, since the gate
// at the other end may be anybody's. One thread receives; send() is one packet and may be called from any.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"

namespace postern::warden {

inline constexpr std::size_t kControlText = 32 * 1024;

enum class ControlKind : std::uint8_t { Channel = 1, Quit, Ready, Again, Launch, Library, NoLibrary, EndLibrary, LibraryEnded };

struct ControlMessage {
  ControlKind kind = ControlKind::Ready;
  std::string text;
  UniqueFd channel;         ///< Of Channel and Library.
  UniqueFd output, errors;  ///< Of Library: what it writes.
};

class Control {
 public:
  /// Takes the descriptor.
  explicit Control(UniqueFd socket) : m_socket(std::move(socket)) {}
  [[nodiscard]] static Result<std::pair<Control, Control>> pair();
  /// A stream socket pair for two children.
  [[nodiscard]] static Result<std::pair<UniqueFd, UniqueFd>> channel_pair();

  /// Unavailable when the other side is gone or does not take it (it never waits), TooLarge.
  [[nodiscard]] Status send(ControlKind kind, std::string_view text = {}, std::span<const int> descriptors = {});
  [[nodiscard]] Status send(ControlKind kind, std::string_view text, int channel) { return send(kind, text, std::span(&channel, 1)); }
  /// Waits until `deadline`. Timeout; Unavailable when the other side is gone; BadInput for what is no message.
  [[nodiscard]] Result<ControlMessage> receive(SteadyTime deadline);

  [[nodiscard]] int fd() const noexcept { return m_socket.get(); }

 private:
  UniqueFd m_socket;
};

}  // namespace postern::warden
