// A user of an MTA (X.419 8): submits, probes, changes his password; hears of reports. Messages that the MTA would deliver by P3 are not
// taken: the port has no way to hand their content on, and what is acknowledged is the user's responsibility (X.411 8.3.1.1).
#include "osi/oids.hpp"
#include "transport/native_entries.hpp"
#include "transport/native_user.hpp"

namespace postern::transport {
namespace {

class P3User final : public NativeUser {
 public:
  P3User(mts::ORName user, std::unique_ptr<mhs::P3Client> bound) : NativeUser(std::move(user)), m_client(std::move(bound)) {
    accept_reports();
  }

  io::Task<Outcome<sdk::Done>> register_user(sdk::Register request, SteadyTime deadline) override {
    if (!request.actions.empty() || request.default_list || request.default_fetch)
      co_return trouble(POSTERN_X400_UNSUPPORTED, "auto-actions and defaults are a message store's; bind to it, by P7",
                        request.actions.empty() ? "default_list" : "actions");
    if (request.new_password.empty()) co_return sdk::Done();
    SecretBytes before{ByteView(request.old_password)}, after{ByteView(request.new_password)};
    wipe(request.old_password);
    wipe(request.new_password);
    const Status changed = co_await m_client->change_password(std::move(before), std::move(after), deadline);
    if (!changed) co_return tl::unexpected<Trouble>(trouble_of_call(changed.error(), client(), mts::Port::Administration, {}));
    co_return sdk::Done();
  }

  io::Task<Outcome<sdk::Event>> poll(std::optional<SteadyTime>, SteadyTime deadline) override {
    Status came;
    m_polling = true;
    while (came && !m_report) came = co_await client().rose().attend(deadline);
    m_polling = false;
    if (m_report) co_return sdk::Event{sdk::EventKind::Reported, 0, *std::move(m_report), {}};  // whatever became of the association
    if (came.error().code == ErrorCode::Timeout) co_return sdk::Event();
    co_return sdk::Event{sdk::EventKind::PeerLeft, 0, std::nullopt, came.error().what};
  }

  io::Task<void> close(SteadyTime deadline) override { return m_client->close(deadline); }
  mhs::UserClient& client() noexcept override { return m_client->client(); }
  sdk::Binding binding() const override { return {{}, m_client->responder(), static_cast<std::uint64_t>(m_client->waiting())}; }

 private:
  io::Task<Result<mts::MessageSubmissionResult>> give(mts::MessageSubmissionArgument message, SteadyTime deadline) override {
    return m_client->submit(std::move(message), deadline);
  }
  io::Task<Result<mts::ProbeSubmissionResult>> give(mts::ProbeSubmissionArgument probe, SteadyTime deadline) override {
    return m_client->probe(std::move(probe), deadline);
  }
  io::Task<Status> take_back(mts::MTSIdentifier identifier, SteadyTime deadline) override {
    return m_client->cancel(std::move(identifier), deadline);
  }

  /// X.411 8.3.1.2. With the result the report is ours and the MTA forgets it: so only where somebody is there to be told. A reject leaves
  /// it with the MTA, which tries again.
  void accept_reports() {
    client().operations().on<mts::ReportDeliveryArgument>(osi::oid::as_mdse(), mts::p3_operation("report-delivery").code,
                                                          [this](auto report) { return take(std::move(report)); });
  }
  io::Task<mhs::RoseReply> take(mts::ReportDeliveryArgument report) {
    if (!m_polling || m_report) co_return osi::InvokeProblem::ResourceLimitation;
    m_report = report_of(report);
    co_return mhs::reply_of(mts::ReportDeliveryResult());
  }

  std::unique_ptr<mhs::P3Client> m_client;
  bool m_polling = false;
  std::optional<sdk::Report> m_report;  ///< For the poll that waits.
};

}  // namespace

std::unique_ptr<NativeUser> p3_user(mts::ORName user, std::unique_ptr<mhs::P3Client> client) {
  return std::make_unique<P3User>(std::move(user), std::move(client));
}

}  // namespace postern::transport
