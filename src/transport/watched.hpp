// A transport that is made when it is first needed, and remembers how the last bind went, whoever asked for it.
//
// Made late, because what it is made of are files: while one of them is missing or wrong, every call is answered with that fault, and the
// first call after it was mended goes through.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "base/clock.hpp"
#include "transport/transport.hpp"

namespace postern::transport {

struct LastBind {
  WallTime at{};
  std::optional<Error> error;  ///< None: it went well.
};

class Watched final : public Transport {
 public:
  using Make = std::function<Result<std::unique_ptr<Transport>>()>;
  Watched(Make make, const Clock& clock) : m_make(std::move(make)), m_clock(clock) {}

  [[nodiscard]] std::optional<LastBind> last_bind() const {
    const std::lock_guard lock(m_mutex);
    return m_last;
  }

  Result<sdk::Binding> bind(const sdk::Bind& request, const CallOptions& options) override {
    auto out = ask([&](Transport& inner) { return inner.bind(request, options); });
    const std::lock_guard lock(m_mutex);
    m_last = LastBind{m_clock.now(), out ? std::nullopt : std::optional(out.error())};
    return out;
  }
  Result<sdk::Identity> identify(const CallOptions& o) override {
    return ask([&](Transport& t) { return t.identify(o); });
  }
  Result<sdk::Health> health(const CallOptions& o) override {
    return ask([&](Transport& t) { return t.health(o); });
  }
  Status unbind(const sdk::Unbind& r, const CallOptions& o) override {
    return ask([&](Transport& t) { return t.unbind(r, o); });
  }
  Result<sdk::Submitted> submit(const sdk::Submit& r, ByteView content, const CallOptions& o) override {
    return ask([&](Transport& t) { return t.submit(r, content, o); });
  }
  Result<sdk::Submitted> probe(const sdk::Probe& r, const CallOptions& o) override {
    return ask([&](Transport& t) { return t.probe(r, o); });
  }
  Status cancel_deferred(const CancelDeferred& r, const CallOptions& o) override {
    return ask([&](Transport& t) { return t.cancel_deferred(r, o); });
  }
  Result<sdk::EntryList> list(const sdk::List& r, const CallOptions& o) override {
    return ask([&](Transport& t) { return t.list(r, o); });
  }
  Result<sdk::Summary> summarize(const sdk::Summarize& r, const CallOptions& o) override {
    return ask([&](Transport& t) { return t.summarize(r, o); });
  }
  Result<sdk::Fetched> fetch(const sdk::Fetch& r, const sdk::PieceSink& sink, const CallOptions& o) override {
    return ask([&](Transport& t) { return t.fetch(r, sink, o); });
  }
  Status remove(const sdk::Delete& r, const CallOptions& o) override {
    return ask([&](Transport& t) { return t.remove(r, o); });
  }
  Status register_user(const sdk::Register& r, const CallOptions& o) override {
    return ask([&](Transport& t) { return t.register_user(r, o); });
  }
  Result<sdk::Event> poll(const sdk::Poll& r, const CallOptions& o) override {
    return ask([&](Transport& t) { return t.poll(r, o); });
  }

 private:
  template <class Call>
  std::invoke_result_t<Call, Transport&> ask(Call call) {
    POSTERN_TRY(Transport* const inner, made());
    return call(*inner);
  }
  [[nodiscard]] Result<Transport*> made() {
    const std::lock_guard lock(m_mutex);
    if (!m_inner) {
      POSTERN_TRY(m_inner, m_make());
    }
    return m_inner.get();
  }

  const Make m_make;
  const Clock& m_clock;
  mutable std::mutex m_mutex;
  std::unique_ptr<Transport> m_inner;
  std::optional<LastBind> m_last;
};

}  // namespace postern::transport
