// The X.400 service as the product uses it: bind, submit, list, fetch, delete, register, poll - whoever speaks the protocol.
//
// Three implementations, chosen by transport.mode: mock (this process, for trying out), native (P3 and P7 of mhs/) and sdk (a vendor's
// library in a process of its own, sdk/client.hpp). The values are those of sdk/values.hpp for all three, so that what works with one works
// with the others; the conformance kit proves it for the native one by way of the C header.
//
// Thread safe. Each call blocks its thread until the answer, at most its limit of time and a second more: not on a loop. Associations end
// with the peer, and with what serves them; calls on such a one are Unavailable and say "bind again". Errors: Denied (the peer says no, in
// words), NotFound, BadInput (names the field of values.hpp), Unsupported, Unavailable, Timeout, Internal. After Timeout or Unavailable of
// a submission its outcome is unknown, and the text says so.
#pragma once

#include "base/result.hpp"
#include "sdk/client.hpp"
#include "sdk/values.hpp"

namespace postern::transport {

using sdk::CallOptions;

/// X.411 8.2.1.3.
struct CancelDeferred {
  sdk::Association association;
  std::string mts_identifier;  ///< As Submitted has it.
};

class Transport {
 public:
  virtual ~Transport() = default;

  [[nodiscard]] virtual Result<sdk::Identity> identify(const CallOptions& options) = 0;
  [[nodiscard]] virtual Result<sdk::Health> health(const CallOptions& options) = 0;
  [[nodiscard]] virtual Result<sdk::Binding> bind(const sdk::Bind& request, const CallOptions& options) = 0;
  [[nodiscard]] virtual Status unbind(const sdk::Unbind& request, const CallOptions& options) = 0;
  /// OK: durable at the peer.
  [[nodiscard]] virtual Result<sdk::Submitted> submit(const sdk::Submit& request, ByteView content, const CallOptions& options) = 0;
  [[nodiscard]] virtual Result<sdk::Submitted> probe(const sdk::Probe& request, const CallOptions& options) = 0;
  /// Takes back what waits for its deferred delivery time. Unsupported where the way to the peer has no such call.
  [[nodiscard]] virtual Status cancel_deferred(const CancelDeferred& /*request*/, const CallOptions& /*options*/) {
    return fail(ErrorCode::Unsupported, "this way to the peer cannot take back what was submitted: it goes out at its time");
  }
  [[nodiscard]] virtual Result<sdk::EntryList> list(const sdk::List& request, const CallOptions& options) = 0;
  [[nodiscard]] virtual Result<sdk::Summary> summarize(const sdk::Summarize& request, const CallOptions& options) = 0;
  /// `sink` gets the content in order, on the calling thread; false ends the fetch with Conflict.
  [[nodiscard]] virtual Result<sdk::Fetched> fetch(const sdk::Fetch& request, const sdk::PieceSink& sink, const CallOptions& options) = 0;
  [[nodiscard]] virtual Status remove(const sdk::Delete& request, const CallOptions& options) = 0;
  [[nodiscard]] virtual Status register_user(const sdk::Register& request, const CallOptions& options) = 0;
  /// Waits for the next event; kind Nothing when none came in time.
  [[nodiscard]] virtual Result<sdk::Event> poll(const sdk::Poll& request, const CallOptions& options) = 0;
};

}  // namespace postern::transport
