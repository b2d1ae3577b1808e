// For tests of the cabinet: a service over the mock transport, whose peer misbehaves when it is told to.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "transport/mock.hpp"
#include "transport/service.hpp"

namespace postern::cabinet::testing {

inline const std::string kMe = transport::kMockUser;

/// The mock, with the faults of a peer: bound or not, an answer that is lost after the message was taken, a refusal.
class Peer final : public transport::Transport {
 public:
  explicit Peer(const Clock& clock) : m_clock(clock), m_mock(transport::make_mock(clock)) {}
  std::atomic<bool> refuse_bind{false}, lose_answer{false}, refuse_message{false}, cut_fetch{false};
  std::atomic<int> submissions{0}, fetches{0}, cancellations{0}, associations{0};
  std::atomic<int> most_cancellations{1'000'000};  ///< The association ends at the next one.
  std::atomic<std::chrono::milliseconds> fetch_time{std::chrono::milliseconds(0)};

  [[nodiscard]] sdk::Submission last_submission() const {
    const std::lock_guard lock(m_noting);
    return m_last;
  }

  /// As a message system that lost everything: numbers begin anew. Not while it is asked something.
  void begin_anew() { m_mock = transport::make_mock(m_clock); }

  Result<sdk::Identity> identify(const transport::CallOptions& o) override { return m_mock->identify(o); }
  Result<sdk::Health> health(const transport::CallOptions& o) override { return m_mock->health(o); }
  Result<sdk::Binding> bind(const sdk::Bind& r, const transport::CallOptions& o) override {
    if (refuse_bind) return fail(ErrorCode::Unavailable, "nobody listens there");
    auto out = m_mock->bind(r, o);
    if (out) ++associations;
    return out;
  }
  Status unbind(const sdk::Unbind& r, const transport::CallOptions& o) override {
    --associations;
    return m_mock->unbind(r, o);
  }
  Result<sdk::Submitted> submit(const sdk::Submit& r, ByteView content, const transport::CallOptions& o) override {
    ++submissions;
    note(r.submission);
    if (refuse_message) return fail(ErrorCode::Denied, "the peer does not want it");
    auto out = m_mock->submit(r, content, o);
    if (lose_answer) return fail(ErrorCode::Unavailable, "the association ended");
    return out;
  }
  Result<sdk::Submitted> probe(const sdk::Probe& r, const transport::CallOptions& o) override { return m_mock->probe(r, o); }
  Status cancel_deferred(const transport::CancelDeferred& r, const transport::CallOptions& o) override {
    if (cancellations >= most_cancellations) return fail(ErrorCode::Unavailable, "the association ended");
    auto out = m_mock->cancel_deferred(r, o);
    if (out) ++cancellations;
    return out;
  }
  Result<sdk::EntryList> list(const sdk::List& r, const transport::CallOptions& o) override { return m_mock->list(r, o); }
  Result<sdk::Summary> summarize(const sdk::Summarize& r, const transport::CallOptions& o) override { return m_mock->summarize(r, o); }
  Result<sdk::Fetched> fetch(const sdk::Fetch& r, const sdk::PieceSink& sink, const transport::CallOptions& o) override {
    ++fetches;
    std::this_thread::sleep_for(fetch_time.load());
    if (cut_fetch) return fail(ErrorCode::Unavailable, "the association ended");
    return m_mock->fetch(r, sink, o);
  }
  Status remove(const sdk::Delete& r, const transport::CallOptions& o) override { return m_mock->remove(r, o); }
  Status register_user(const sdk::Register& r, const transport::CallOptions& o) override { return m_mock->register_user(r, o); }
  Result<sdk::Event> poll(const sdk::Poll& r, const transport::CallOptions& o) override { return m_mock->poll(r, o); }

 private:
  void note(const sdk::Submission& submission) {
    const std::lock_guard lock(m_noting);
    m_last = submission;
  }

  const Clock& m_clock;
  std::unique_ptr<transport::Transport> m_mock;
  mutable std::mutex m_noting;
  sdk::Submission m_last;
};

class TestService final : public transport::Service {
 public:
  explicit TestService(const Clock& clock) : peer(clock) {}
  Peer peer;
  std::string_view mode() const override { return "mock"; }
  transport::Transport& transport() override { return peer; }
  Result<transport::Profile> profile() const override {
    transport::Profile out;
    out.name = "test";
    out.peer = "mock";
    out.user = kMe;
    return out;
  }
  transport::Findings findings() const override { return {}; }
  transport::Findings bind_test() override { return {}; }
};

}  // namespace postern::cabinet::testing
