#include "mhs/user_administration.hpp"

#include "base/log.hpp"
#include "mhs/user_submission.hpp"
#include "osi/oids.hpp"

namespace postern::mhs {
namespace {

using mts::Port;

/// What the new registration says replaces what the old one said (X.411 8.4.1.1.1); the rest stays.
void merge(mts::RegisterArgument88& kept, mts::RegisterArgument88&& changed) {
  const auto take = [](auto& to, auto&& from) {
    if (from) to = std::move(from);
  };
  take(kept.deliverable_encoded_information_types, changed.deliverable_encoded_information_types);
  take(kept.deliverable_maximum_content_length, changed.deliverable_maximum_content_length);
  take(kept.default_delivery_controls, changed.default_delivery_controls);
  take(kept.deliverable_content_types, changed.deliverable_content_types);
  take(kept.labels_and_redirections, changed.labels_and_redirections);
}

RoseReply credentials_fault(const Error& error) {
  if (error.code == ErrorCode::Denied) return fault_named(Port::Administration, "old-credentials-incorrectly-specified");
  if (error.code == ErrorCode::BadInput || error.code == ErrorCode::Unsupported)
    return fault_named(Port::Administration, "new-credentials-unacceptable");
  return osi::InvokeProblem::ResourceLimitation;
}

}  // namespace

void UserAdministration::add_to(RoseOperations& table) {
  const asn1::Oid& port = osi::oid::as_mase();
  table.on<mts::ChangeCredentialsArgument>(port, mts::p3_operation("change-credentials").code,
                                           [this](auto argument) { return change_credentials(std::move(argument)); });
  table.on<mts::RegisterArgument88>(port, mts::p3_operation("register").code,
                                    [this](auto argument) { return register_user(std::move(argument)); });
}

io::Task<RoseReply> UserAdministration::change_credentials(mts::ChangeCredentialsArgument argument) {
  const auto* before = std::get_if<mts::Password>(&argument.old_credentials.value);
  const auto* after = std::get_if<mts::Password>(&argument.new_credentials.value);
  if (before == nullptr) co_return fault_named(Port::Administration, "old-credentials-incorrectly-specified");
  if (after == nullptr) co_return fault_named(Port::Administration, "new-credentials-unacceptable");
  auto change = [&users = m_gate.users, user = m_user.address, from = SecretBytes(before->octets()),
                 to = SecretBytes(after->octets())]() -> Result<bool> {
    POSTERN_CHECK(users.change_password(user, from.view(), to.view()));
    return true;
  };
  const auto changed = co_await m_gate.workers.run(std::move(change));
  log::info("x400.credentials", {{"user", m_user.text}, {"changed", changed ? "yes" : "no"}});
  if (changed) co_return null_value();
  co_return credentials_fault(changed.error());
}

/// X.411 8.4.1.1. Name and address of a user are the administrator's.
io::Task<RoseReply> UserAdministration::register_user(mts::RegisterArgument88 argument) {
  if (argument.user_name || argument.user_address) co_return fault_named(Port::Administration, "register-rejected");
  auto keep = [&users = m_gate.users, user = m_user.address, changed = std::move(argument)]() mutable -> Result<bool> {
    POSTERN_TRY(mts::RegisterArgument88 kept, users.registration(user));
    merge(kept, std::move(changed));
    POSTERN_CHECK(users.set_registration(user, kept));
    return true;
  };
  const auto done = co_await m_gate.workers.run(std::move(keep));
  if (!done) {
    log::info("x400.register_refused", {{"user", m_user.text}, {"reason", done.error()}});
    co_return fault_named(Port::Administration, "register-rejected");
  }
  if (m_registered) co_await m_registered();
  co_return null_value();
}

}  // namespace postern::mhs
