#include "gateway/explain.hpp"

#include <algorithm>

#include "gateway/pipeline.hpp"
#include "keys/transit_keeper.hpp"
#include "mime/address.hpp"
#include "mime/message.hpp"
#include "pki/authority.hpp"

namespace postern::gateway {
namespace {

std::vector<std::string> addresses_in(const MessageView& view, std::initializer_list<std::string_view> names) {
  std::vector<std::string> out;
  for (const HeaderField& field : view.fields()) {
    if (std::none_of(names.begin(), names.end(), [&](std::string_view name) { return field.is(name); })) continue;
    const auto list = parse_address_list(field.unfolded());
    if (!list) continue;
    for (const auto& named : list->mailboxes()) out.push_back(named.mailbox.text());
  }
  return out;
}

}  // namespace

Result<ExplainQuestion> with_defaults(ExplainQuestion question, const Limits& limits) {
  POSTERN_TRY(const auto view, MessageView::parse(question.message, limits));
  if (question.from.empty()) {
    const auto authors = addresses_in(view, {"From"});
    if (authors.empty()) return fail(ErrorCode::BadInput, "the message names no author; give the sender (--from)", "from");
    question.from = authors.front();
  }
  if (question.to.empty()) question.to = addresses_in(view, {"To", "Cc"});
  if (question.to.empty()) return fail(ErrorCode::BadInput, "the message names no recipient; give one (--to)", "to");
  return question;
}

Result<std::vector<Explained>> explain_from_files(const config::Config& config, const ExplainQuestion& question) {
  config::Config unsigned_config = config;
  unsigned_config.dkim.clear();  // nothing is stamped, so no key for it is made
  const SystemClock clock;
  SystemRandom random;
  MemoryCertificateStore certificates;
  POSTERN_TRY(const std::shared_ptr<Keeper> keeper, make_memory_keeper(clock));
  AuthorityOptions options;
  options.host = config.server.hostname;
  POSTERN_TRY(const auto authority, Authority::open(keeper, certificates, clock, random, options));
  Identities identities(keeper, authority, unsigned_config, clock);
  Correspondents correspondents(config.beside_config(config.smime.certificates_dir), config.beside_config(config.openpgp.certificates_dir),
                                clock);
  POSTERN_TRY(const auto routes, RouteTable::make(config));
  POSTERN_TRY(const auto pipeline,
              Pipeline::make({config.server.hostname, unsigned_config, routes, keeper, identities, correspondents, {}, random, clock}));
  Arrival arrival;
  arrival.received = clock.now();
  arrival.road.trusted = true;
  arrival.content = question.message;
  if (question.from != "<>") {
    auto from = Mailbox::parse(question.from, Utf8::Allow);
    if (!from) return fail(ErrorCode::BadInput, from.error().what, "from");
    arrival.envelope.from = ReversePath(*std::move(from));
  }
  std::vector<Explained> out;
  for (const auto& recipient : question.to) {
    auto decision = pipeline->explain(arrival, recipient);
    if (!decision) return fail(std::move(decision).error().context(recipient));
    out.push_back({recipient, *std::move(decision)});
  }
  return out;
}

}  // namespace postern::gateway
