// For tests: a node whose users take what is delivered over P3, and what they do about it.
#pragma once

#include <gtest/gtest.h>

#include <thread>

#include "mhs/p3_client.hpp"
#include "mhs/testing/users.hpp"

namespace postern::mhs::testing {

using io::testing::in_ms;
using io::testing::soon;

inline constexpr const char* kNobody = "C=DE;A= ;P=NORTH;O=Works;S=Nobody";

inline mts::MessageSubmissionEnvelope envelope_to(const char* recipient, const char* originator = kAlice) {
  mts::MessageSubmissionEnvelope out;
  out.originator_name = name_of(originator);
  out.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  mts::PerRecipientMessageSubmissionFields one;
  one.recipient_name = name_of(recipient);
  one.originator_report_request = {mts::OriginatorReportRequestBit::NonDeliveryReport, mts::OriginatorReportRequestBit::Report};
  out.per_recipient_fields.push_back(std::move(one));
  return out;
}
inline mts::MessageSubmissionEnvelope with_priority(mts::Priority priority) {
  auto out = envelope_to(kBob);
  out.priority = priority;
  return out;
}

/// What a user got, and what he says to it.
struct Taken {
  std::vector<mts::MessageDeliveryArgument> messages;
  std::vector<mts::ReportDeliveryArgument> reports;
  int refusals = 0;  ///< So many are refused at first.

  DeliveryTaker taker() {
    return {[this](mts::MessageDeliveryArgument message) { return take(messages, std::move(message)); },
            [this](mts::ReportDeliveryArgument report) { return take(reports, std::move(report)); }};
  }
  [[nodiscard]] std::size_t count() const { return messages.size() + reports.size(); }

 private:
  template <class T>
  io::Task<Status> take(std::vector<T>& into, T what) {
    if (refusals-- > 0) co_return fail(ErrorCode::Exhausted, "no room");
    into.push_back(std::move(what));
    co_return Status();
  }
};

/// Alice has a mailbox, Bob is delivered to by P3.
struct DeliveryFixture : ::testing::Test {
  DeliveryFixture() : node({"north", domain("DE", " ", "NORTH")}) {
    node.mailboxes.add(kAlice);
    node.mailboxes.add_p3_user(kBob);
    node.users.add(kAlice, "secret of alice");
    node.users.add(kBob, "secret of bob");
    node.route("C=DE;A= ;P=NORTH", RouteTarget::Kind::Store);
  }
  ~DeliveryFixture() override { node.end(); }
  void start() {
    node.serve_users();
    node.gate->look_for_news = std::chrono::milliseconds(20);
  }

  std::unique_ptr<P3Client> bound(const char* user = kBob, bool reliable = false) {
    UserCall call;
    call.address = {{}, {}, {}, "127.0.0.1", node.port};
    call.user = name_of(user);
    call.password = SecretBytes::from_text(user == kBob ? "secret of bob" : "secret of alice");
    call.reliable = reliable;
    call.tls.required = false;
    auto client = run(P3Client::open(std::move(call), node.resolver, soon()));
    EXPECT_TRUE(client) << (client ? "" : client.error().text);
    return client ? *std::move(client) : nullptr;
  }
  std::unique_ptr<P3Client> receiver(Taken& taken, bool reliable = false) {
    auto client = bound(kBob, reliable);
    if (client) client->take_deliveries(taken.taker());
    return client;
  }
  mts::MTSIdentifier send(const mts::MessageSubmissionEnvelope& envelope = envelope_to(kBob), std::size_t size = 100) {
    const auto submitted = node.submit(envelope, Bytes(size, 'x'));
    EXPECT_TRUE(submitted) << (submitted ? "" : submitted.error().text());
    return submitted ? submitted->message_submission_identifier : mts::MTSIdentifier();
  }
  /// X.411 8.2.1.1.1.13.
  mts::Extensions expiring() const {
    mts::Extensions out;
    EXPECT_TRUE(mts::set_extension<mts::StandardExtension::LatestDeliveryTime>(out, mts::Time::at(unix_seconds(node.clock.now()) + 2)));
    return out;
  }
  /// Until so many came.
  static io::Task<bool> receive(P3Client& client, const Taken& taken, std::size_t count, SteadyTime deadline) {
    while (taken.count() < count) {
      const Status came = co_await client.attend(deadline);
      if (!came) co_return false;
    }
    co_return true;
  }
  bool receive(P3Client& client, const Taken& taken, std::size_t count) {
    return run(receive(client, taken, count, io::deadline_in(std::chrono::seconds(60))));
  }
  /// Nothing more comes for a while.
  bool is_quiet(P3Client& client, const Taken& taken) { return !run(receive(client, taken, taken.count() + 1, in_ms(300))); }
  void close(std::unique_ptr<P3Client> client) {
    run([](P3Client& one) -> io::Task<bool> {
      co_await one.close(soon());
      co_return true;
    }(*client));
  }
  mts::DeliveryControlResult control(P3Client& client, const mts::DeliveryControlArgument& controls) {
    const auto result = run(client.control_delivery(controls, soon()));
    EXPECT_TRUE(result) << (result ? "" : result.error().text());
    return result.value_or(mts::DeliveryControlResult());
  }
  /// The reports in Alice's mailbox, by diagnostic; nullopt: delivered.
  std::vector<std::optional<mts::NonDeliveryDiagnosticCode>> reports(std::size_t count) {
    std::vector<std::optional<mts::NonDeliveryDiagnosticCode>> out;
    for (const testing::Received& each : node.mailboxes.wait(kAlice, count)) {
      const auto& type = std::get<mts::Report>(each.apdu.value).content.per_recipient_fields.front().last_trace_information.report_type;
      const auto* refused = std::get_if<mts::NonDeliveryReport>(&type.value);
      out.push_back(refused != nullptr ? refused->non_delivery_diagnostic_code : std::nullopt);
    }
    return out;
  }
  /// The queue holds nothing any more, or soon.
  bool is_emptied() const {
    for (int tries = 0; tries < 500 && node.spool->stats().queued > 0; ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return node.spool->stats().queued == 0;
  }
  template <class T>
  T run(io::Task<T> task) {
    return node.loops->run(std::move(task));
  }
  UserNode node;
};
using Reports = std::vector<std::optional<mts::NonDeliveryDiagnosticCode>>;

}  // namespace postern::mhs::testing
