#include "mhs/lists.hpp"

#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"

namespace postern::mhs {

Status Lists::add(DistributionList list) {
  std::string key = oraddress::comparison_key(list.name);
  if (m_lists.contains(key)) return fail(ErrorCode::Conflict, "there are two lists " + oraddress::write(list.name), "address");
  m_lists.emplace(std::move(key), std::move(list));
  return {};
}

const DistributionList* Lists::find(const oraddress::ORAddress& address) const {
  if (m_lists.empty()) return nullptr;
  const auto found = m_lists.find(oraddress::comparison_key(address));
  return found == m_lists.end() ? nullptr : &found->second;
}

Result<const DistributionList*> Lists::find_text(std::string_view address) const {
  POSTERN_TRY(const auto parsed, oraddress::parse(address));
  const DistributionList* found = find(parsed);
  if (found == nullptr) return fail(ErrorCode::NotFound, "no [[x400_list]] has this address; postern x400 mta lists shows them", "address");
  return found;
}

ListTexts texts_of(const DistributionList& list) {
  ListTexts out;
  out.address = oraddress::write(list.name);
  out.reports = !list.reports.owner ? "originator" : list.reports.onward ? "both" : "owner";
  if (list.reports.owner) out.owner = oraddress::write(*list.reports.owner);
  for (const mts::ORName& name : list.policy.members) out.members.push_back(oraddress::write(name));
  for (const mts::ORName& name : list.policy.submit_permission) out.submitters.push_back(oraddress::write(name));
  return out;
}

}  // namespace postern::mhs
