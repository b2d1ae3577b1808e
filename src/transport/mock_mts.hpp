// The message transfer system of the mock: one domain, its mailboxes, and what waits for its time. Not thread safe; time is an input.
//
// What is submitted to an address of the domain arrives in that mailbox, which is made for it; elsewhere nobody is, so the alternate
// recipient that the originator asked for gets it, or a non-delivery report says unrecognised-OR-name (X.411 12.2.1.3). Latest delivery,
// deferred delivery and the reports that were asked for are kept.
#pragma once

#include <map>
#include <string>

#include "base/clock.hpp"
#include "oraddress/compare.hpp"
#include "transport/mock_mailbox.hpp"

namespace postern::transport {

/// An address of whoever it is, as text and as what it is compared by (X.402 18.4).
struct MockName {
  std::string text, key;
  bool is_ours = false;
};

class MockMts {
 public:
  static constexpr std::size_t kMostMailboxes = 1'000, kMostWaiting = 1'000;
  static constexpr std::uint64_t kMostOctets = std::uint64_t{256} << 20;  ///< Of contents, all together.

  /// `domain`: "C=XX;A=MOCK;P=POSTERN".
  explicit MockMts(std::string domain);

  [[nodiscard]] const std::string& domain() const noexcept { return m_domain; }
  /// BadInput names `field`.
  [[nodiscard]] Result<MockName> name_of(const std::string& address, const std::string& field) const;
  /// Made where there is none yet. NotFound: not of this domain. Exhausted: there are too many.
  [[nodiscard]] Result<MockMailbox*> mailbox(const MockName& name);

  /// Errors name the field of the submission; then nothing was taken.
  [[nodiscard]] Result<sdk::Submitted> submit(const MockName& from, const sdk::Submission& submission, ByteView content, WallTime now);
  /// A report always comes back (X.411 8.2.1.2).
  [[nodiscard]] Result<sdk::Submitted> probe(const MockName& from, const sdk::Submission& submission, WallTime now);
  /// Takes back what waits for its time (X.411 8.2.1.3). NotFound: nothing of this user's does.
  [[nodiscard]] Status cancel(const MockName& from, const std::string& identifier);
  /// Delivers what is due. True: something was.
  bool deliver_due(WallTime now);
  /// When something is due next.
  [[nodiscard]] std::optional<WallTime> next_due() const;

 private:
  struct Recipient {
    MockName name;
    std::optional<MockName> alternate;
    sdk::ReportRequest report = sdk::ReportRequest::NonDelivery;
  };
  struct Message {
    MockName from;
    std::vector<Recipient> recipients;
    sdk::Submission submission;
    sdk::Entry entry;  ///< As each recipient gets it.
    std::shared_ptr<const Bytes> content;
    bool is_probe = false;
  };

  [[nodiscard]] Result<Message> read(const MockName& from, const sdk::Submission& submission) const;
  [[nodiscard]] Result<std::shared_ptr<const Bytes>> keep(ByteView content) const;
  [[nodiscard]] sdk::Submitted accept(Message message, WallTime now);
  void deliver(const Message& message, WallTime now);
  [[nodiscard]] sdk::ReportRecipient deliver_to(const Message& message, const Recipient& recipient, WallTime now);
  void report(const Message& message, sdk::Report report, WallTime now);
  [[nodiscard]] std::string new_identifier(char kind);

  const std::string m_domain;
  std::vector<oraddress::Component> m_prefix;
  std::map<std::string, MockMailbox> m_mailboxes;  ///< By MockName::key.
  std::multimap<WallTime, Message> m_waiting;
  std::shared_ptr<std::uint64_t> m_octets = std::make_shared<std::uint64_t>(0);
  std::uint64_t m_last = 0;
};

}  // namespace postern::transport
