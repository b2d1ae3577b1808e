// rooms: ipm
//
// What a content of the given size costs: composed and encoded, decoded, read for people.
//
//   ipm_bench [--size 10240] [--alternations 7] [--seconds 0.3]
//
// Reported, not judged: the promise of issue 5 is about envelope and content together, and stands in p1_bench.
#include "bench/measure.hpp"
#include "ipm/read.hpp"
#include "ipm/testing/samples.hpp"

namespace {

using namespace postern;
using namespace postern::bench;

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

ipm::Draft draft_of(std::size_t size) {
  ipm::Draft draft = ipm::testing::draft();
  draft.primary[0].receipt_notification = true;
  draft.parts = {ipm::TextPart{std::string(size / 2, 'x')},
                 ipm::FilePart{.name = "plan.pdf", .octets = ipm::testing::entropy(1, size - size / 2)}};
  return draft;
}

void report(const char* what, const std::function<void()>& work, const RunOptions& options) {
  std::vector<double> seen;
  for (std::size_t i = 0; i < options.alternations; ++i) seen.push_back(cost(work, options.seconds) * 1e6);
  std::printf("%-28s %8.2f us  (%.2f to %.2f)\n", what, median(seen), *std::ranges::min_element(seen), *std::ranges::max_element(seen));
}

}  // namespace

int main(int argc, char** argv) {
  const RunOptions options = read_options(argc, argv, {.size = 10240});
  const ipm::Draft draft = draft_of(options.size);
  const Bytes content = must(ipm::compose(draft)).copies[0].content;
  const ipm::InformationObject object = must(asn1::decode<ipm::InformationObject>(content));
  report("compose (draft to octets)", [&] { (void)must(ipm::compose(draft)); }, options);
  report("encode", [&] { (void)must(asn1::encode_as_taken(object)); }, options);
  report("decode", [&] { (void)must(asn1::decode<ipm::InformationObject>(content)); }, options);
  report("read (octets to view)", [&] { (void)must(ipm::read_content(content)); }, options);
  return 0;
}
