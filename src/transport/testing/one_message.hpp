// A transport and a service for tests of what stands around them.
#pragma once

#include <postern/x400_sdk.h>

#include "contentseal/testing/people.hpp"
#include "transport/service.hpp"

namespace postern::transport::testing {

/// A peer that keeps one message and gives it back. Not an MTS: what it does beyond that is what the test tells it.
class OneMessage final : public Transport {
 public:
  sdk::Submission submission;
  Bytes content;
  std::string originator = contentseal::testing::kAlice;
  std::vector<sdk::Attribute> attributes;
  std::size_t piece = 7;  ///< Octets that come at once.

  Result<sdk::Submitted> submit(const sdk::Submit& request, ByteView octets, const CallOptions&) override {
    submission = request.submission;
    content.assign(octets.begin(), octets.end());
    return sdk::Submitted{};
  }
  Result<sdk::Fetched> fetch(const sdk::Fetch& request, const sdk::PieceSink& sink, const CallOptions&) override {
    if ((request.wanted.fields & POSTERN_X400_HAS_ORIGINATOR) == 0) return fail(ErrorCode::BadInput, "nobody asked whose it is");
    for (std::size_t at = 0; at < content.size(); at += piece)
      if (!sink(ByteView(content).subspan(at, std::min(piece, content.size() - at)))) return fail(ErrorCode::Conflict, "no more is wanted");
    sdk::Fetched out;
    out.entry.originator = originator;
    out.entry.content_type = submission.content_type;
    out.entry.content_size = out.content_size = content.size();
    out.entry.attributes = attributes;
    return out;
  }
  Result<sdk::Identity> identify(const CallOptions&) override { return no(); }
  Result<sdk::Health> health(const CallOptions&) override { return no(); }
  Result<sdk::Binding> bind(const sdk::Bind&, const CallOptions&) override { return no(); }
  Status unbind(const sdk::Unbind&, const CallOptions&) override { return no(); }
  Result<sdk::Submitted> probe(const sdk::Probe&, const CallOptions&) override { return no(); }
  Result<sdk::EntryList> list(const sdk::List&, const CallOptions&) override {
    sdk::EntryList out;
    out.entries.emplace_back().attributes = attributes;
    return out;
  }
  Result<sdk::Summary> summarize(const sdk::Summarize&, const CallOptions&) override { return no(); }
  Status remove(const sdk::Delete&, const CallOptions&) override { return no(); }
  Status register_user(const sdk::Register&, const CallOptions&) override { return no(); }
  Result<sdk::Event> poll(const sdk::Poll&, const CallOptions&) override { return no(); }

 private:
  static tl::unexpected<Error> no() { return fail(ErrorCode::Unsupported, "not in this test"); }
};

/// A service that is what it was given.
class GivenService final : public Service {
 public:
  /// Without a user there is no profile.
  GivenService(Transport& transport, std::string mode, std::string user = {})
      : m_transport(transport), m_mode(std::move(mode)), m_user(std::move(user)) {}
  std::string_view mode() const override { return m_mode; }
  Transport& transport() override { return m_transport; }
  Result<Profile> profile() const override {
    if (m_user.empty()) return fail(ErrorCode::NotFound, "none");
    Profile out;
    out.user = m_user;
    return out;
  }
  Findings findings() const override { return {{"profile", Finding::State::Ok, "given"}}; }
  Findings bind_test() override { return {{"bind", Finding::State::Ok, "given"}}; }

 private:
  Transport& m_transport;
  std::string m_mode, m_user;
};

}  // namespace postern::transport::testing
