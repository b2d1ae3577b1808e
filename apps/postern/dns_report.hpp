// What `postern dns` prints: for people, as a zone file, as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "context.hpp"
#include "dns_facts.hpp"
#include "dnszone/compare.hpp"
#include "dnszone/update.hpp"

namespace postern::cli {

enum class RecordForm { Table, Zone };
void print_records(Context& context, const dnszone::WantedZone& wanted, const std::vector<std::string>& notes, RecordForm form);

/// The exit status becomes kNo when something is not right.
void print_comparison(Context& context, const dnszone::WantedZone& wanted, const dnszone::Comparison& found,
                      const std::vector<std::string>& notes);

struct Publication {
  std::string domain, server, zone;
  std::string outcome;  ///< "planned", "unchanged", "published"
  dnszone::Update update;
  std::vector<std::string> notes;
  std::optional<dnszone::Comparison> after;  ///< What the server answers now; none for a plan.
};
/// kNo when the server's records are not what was wanted.
void print_publication(Context& context, const Publication& publication);

}  // namespace postern::cli
