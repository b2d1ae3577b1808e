// X.400 by a vendor's library: sdk/client.hpp behind the port.
#pragma once

#include "config/config.hpp"
#include "transport/transport.hpp"

namespace postern::transport {

class SdkTransport final : public Transport {
 public:
  /// Starts no process yet: the first call does.
  explicit SdkTransport(sdk::ClientOptions options) : m_client(std::move(options)) {}

  Result<sdk::Identity> identify(const CallOptions& options) override { return m_client.call(sdk::Identify{}, options); }
  Result<sdk::Health> health(const CallOptions& options) override { return m_client.call(sdk::AskHealth{}, options); }
  Result<sdk::Binding> bind(const sdk::Bind& request, const CallOptions& options) override { return m_client.call(request, options); }
  Status unbind(const sdk::Unbind& request, const CallOptions& options) override { return done(m_client.call(request, options)); }
  Result<sdk::Submitted> submit(const sdk::Submit& request, ByteView content, const CallOptions& options) override {
    return m_client.submit(request, content, options);
  }
  Result<sdk::Submitted> probe(const sdk::Probe& request, const CallOptions& options) override { return m_client.call(request, options); }
  Result<sdk::EntryList> list(const sdk::List& request, const CallOptions& options) override {
    auto entries = m_client.call(request, options);
    for (std::size_t i = 0; entries && i < entries->entries.size(); ++i) strip(entries->entries[i]);
    return entries;
  }
  Result<sdk::Summary> summarize(const sdk::Summarize& request, const CallOptions& options) override {
    return m_client.call(request, options);
  }
  Result<sdk::Fetched> fetch(const sdk::Fetch& request, const sdk::PieceSink& sink, const CallOptions& options) override {
    auto fetched = m_client.fetch(request, sink, options);
    if (fetched) strip(fetched->entry);
    return fetched;
  }
  Status remove(const sdk::Delete& request, const CallOptions& options) override { return done(m_client.call(request, options)); }
  Status register_user(const sdk::Register& request, const CallOptions& options) override { return done(m_client.call(request, options)); }
  Result<sdk::Event> poll(const sdk::Poll& request, const CallOptions& options) override { return m_client.call(request, options); }

  [[nodiscard]] sdk::Client& client() noexcept { return m_client; }

 private:
  /// Attributes named postern.* are verdicts of this side (sealing.hpp): a library has none to give.
  static void strip(sdk::Entry& entry) {
    std::erase_if(entry.attributes, [](const sdk::Attribute& each) { return each.type.starts_with("postern."); });
  }
  static Status done(Result<sdk::Done> answer) {
    if (!answer) return fail(std::move(answer).error());
    return {};
  }
  sdk::Client m_client;
};

/// By the settings, without a launcher.
[[nodiscard]] sdk::ClientOptions client_options(const config::Config& config, const std::vector<std::string>& pins);

/// The JSON object of "Settings for open()" in docs/x400-sdk.md; paths absolute. `pins`: beside transport.fingerprints.
[[nodiscard]] std::string open_settings(const config::Config& config, const std::vector<std::string>& pins);

}  // namespace postern::transport
