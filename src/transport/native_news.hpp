// What is new in a mailbox: alerts that the store sends, and entries that nobody has listed yet (X.413 6.2.2.5 "new").
//
// A store says by itself only what its user asked for by auto-alerts. So the mailbox is asked too, by summaries, which change no status:
// from the number on that was asked about last, at most kStep entries at a time, so that a full mailbox costs one pass and no more.
#pragma once

#include "mhs/p7_client.hpp"
#include "sdk/values.hpp"
#include "transport/native_trouble.hpp"

namespace postern::transport {

class News {
 public:
  /// The client outlives it.
  explicit News(mhs::P7Client& client) : m_client(client) {}
  /// One event. With `ask_until` asks the mailbox first, until then at most. Then waits for an alert until `deadline`; kind Nothing: none
  /// came. Each entry is told once; what could not be fetched in time is looked for again.
  [[nodiscard]] io::Task<Outcome<sdk::Event>> next(std::optional<SteadyTime> ask_until, SteadyTime deadline);

 private:
  [[nodiscard]] io::Task<Outcome<sdk::Event>> look(SteadyTime deadline);
  [[nodiscard]] io::Task<Outcome<std::optional<ms::Span>>> span_with_new(SteadyTime deadline);
  [[nodiscard]] io::Task<Outcome<sdk::Event>> first_new(ms::Span within, SteadyTime deadline);
  [[nodiscard]] io::Task<Outcome<sdk::Event>> report(ms::SequenceNumber number, SteadyTime deadline);
  [[nodiscard]] tl::unexpected<Trouble> failed(const Error& error);

  mhs::P7Client& m_client;
  ms::SequenceNumber m_from = 1;  ///< Everything below was looked at.
};

}  // namespace postern::transport
