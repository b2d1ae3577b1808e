#include "dns_people.hpp"

#include "gateway/routing.hpp"
#include "mime/address.hpp"
#include "pki/certificate.hpp"
#include "seal/openpgp.hpp"
#include "verbs.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;
using dnszone::PersonFact;

constexpr std::size_t kMostPeople = 10'000;

Result<PersonFact> person_from(const json::value& identity, const Mailbox& address) {
  PersonFact out{address.local, {}, {}};
  if (const std::string armored = text_of(identity, "openpgp"); !armored.empty()) {
    POSTERN_TRY(const PgpCertificate key, PgpCertificate::parse(as_bytes(armored)));
    POSTERN_TRY(out.openpgp, key.to_binary());
  }
  if (const std::string pem = text_of(identity, "smime"); !pem.empty()) {
    POSTERN_TRY(const CertificateChain chain, certificates_from_pem(pem));
    out.certificate = chain.front().to_der();
  }
  return out;
}

Status add_page(const json::value& page, const std::string& domain, std::vector<PersonFact>& out) {
  for (const auto& identity : list_of(page, "identities")) {
    const auto address = Mailbox::parse(text_of(identity, "address"), Utf8::Allow);
    if (!address || gateway::routing_domain(address->domain) != domain) continue;
    auto person = person_from(identity, *address);
    if (!person) return fail(std::move(person).error().context(address->text()));
    if (out.size() == kMostPeople) return fail(ErrorCode::TooLarge, "more than 10,000 people; their zone is made by other means");
    out.push_back(*std::move(person));
  }
  return {};
}

}  // namespace

Result<std::vector<PersonFact>> people_of(const Remote& daemon, const std::string& domain) {
  std::vector<PersonFact> out;
  std::string after;
  do {
    POSTERN_TRY(const json::value page, daemon.call_json("GET", "/api/v1/identities" + query({{"after", after}})));
    POSTERN_CHECK(add_page(page, domain, out));
    std::string next = text_of(page, "next");
    if (!next.empty() && next <= after) return fail(ErrorCode::Internal, "posternd gives the same page of people again and again");
    after = std::move(next);
  } while (!after.empty());
  return out;
}

}  // namespace postern::cli
