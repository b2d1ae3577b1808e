#include "mhs/door.hpp"

#include <array>

#include "base/log.hpp"

namespace postern::mhs {
namespace {

constexpr std::array kModes{TransferMode::Normal, TransferMode::X410, TransferMode::X410_1984};
/// From the connection to the bind.
constexpr auto kBindTime = std::chrono::seconds(60);

osi::AssociationOptions options_of(const DoorParts& parts) {
  osi::AssociationOptions out;
  for (const TransferMode mode : kModes) out.services.push_back(service_of(mode));
  for (const UserService& each : parts.services) out.services.push_back(each.service);
  out.transport_selector = parts.transport_selector;
  out.limits = parts.p1.mta.limits;
  out.transcript = parts.transcript;
  return out;
}

void refuse_busy(Wire& wire, const Error& why, bool x410) {
  log::info("x400.busy", {{"reason", why}});
  osi::AssociationRefusal refusal;
  refusal.rtse_reason = osi::RtseRefuseReason::Busy;
  refusal.result = osi::AssociateResult::RejectedTransient;
  refusal.user_data = bind_error(mts::BindError::Busy, x410 ? TransferMode::X410 : TransferMode::Normal);
  static_cast<void>(wire->refuse(std::move(refusal)));
}

}  // namespace

std::shared_ptr<ContentBudget> strangers_part(const std::shared_ptr<ContentBudget>& budget) {
  return budget ? std::make_shared<ContentBudget>(budget->most() / 8) : nullptr;
}

io::Task<void> serve_association(DoorParts& parts, io::Stream stream) {
  const std::string address = stream.peer().text();
  auto association = osi::Association::respond(options_of(parts), parts.p1.clock.steady());
  if (!association) {
    log::error("x400.door", {{"error", association.error()}});
    co_return;
  }
  Wire wire(std::move(stream), *std::move(association), parts.budget, parts.strangers);
  auto first = co_await wire.next(io::deadline_in(kBindTime), io::WakeOn::DataOrDrain);
  if (!first) co_return co_await wire.abort(osi::RtseAbortReason::TemporaryProblem, "no bind came");
  auto* requested = std::get_if<osi::AssociationRequested>(&*first);
  if (requested == nullptr) {
    const auto* aborted = std::get_if<osi::AssociationAborted>(&*first);
    log::info("x400.no_association", {{"address", address}, {"reason", aborted != nullptr ? aborted->text : std::string("refused")}});
    co_return;
  }
  if (const Status open = parts.open ? parts.open() : Status(); !open) {
    const bool x410 = requested->service < kModes.size() && kModes[requested->service] != TransferMode::Normal;
    refuse_busy(wire, open.error(), x410);
    while (!wire.over()) {
      const auto event = co_await wire.next(io::deadline_in(kBindTime));
      if (!event) co_return;
    }
    co_return;
  }
  const std::size_t service = requested->service;
  if (service < kModes.size()) co_return co_await receive_p1(parts.p1, wire, std::move(*requested), kModes[service]);
  co_await parts.services[service - kModes.size()].serve(wire, std::move(*requested));
}

}  // namespace postern::mhs
