// Contents that another implementation sent (PP, X.420 1988), out of the shared capture. It stands outside the repository; without it the
// test says so.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "asn1/json.hpp"
#include "ipm/read.hpp"

namespace postern::ipm {
namespace {

// $POSTERN_SHARED_DATA, else shared/data beside the repository, wherever in or beside it the test was started.
std::filesystem::path data_folder() {
  if (const char* given = std::getenv("POSTERN_SHARED_DATA")) return given;
  std::error_code ignored;
  const auto here = std::filesystem::current_path(ignored);
  for (auto at = here; at != at.parent_path(); at = at.parent_path()) {
    if (std::filesystem::is_directory(at / "shared/data", ignored)) return at / "shared/data";
  }
  return here / "../shared/data";
}

/// Every OCTET STRING in the file whose octets begin like an InformationObject and are one. The capture's contents lie whole in one packet.
std::vector<Bytes> contents_in(const Bytes& file) {
  std::vector<Bytes> out;
  for (std::size_t at = 0; at + 4 < file.size(); ++at) {
    if (file[at] != 0x04) continue;
    const ByteView rest = ByteView(file).subspan(at);
    const auto header = asn1::peek_header(rest);
    if (!header || !*header || !(*header)->length || (*header)->constructed) continue;
    const std::size_t begin = (*header)->octets;
    const std::uint64_t length = *(*header)->length;
    if (length < 32 || length > rest.size() - begin || (rest[begin] != 0xA0 && rest[begin] != 0xA1)) continue;
    const ByteView content = rest.subspan(begin, static_cast<std::size_t>(length));
    if (asn1::decode<InformationObject>(content)) out.emplace_back(content.begin(), content.end());
  }
  return out;
}

class Capture : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = data_folder() / "x400/pp-p1-1988-normal.pcap";
    std::ifstream in(path, std::ios::binary);
    if (!in) GTEST_SKIP() << "no capture at " << path;
    contents = contents_in(Bytes(std::istreambuf_iterator<char>(in), {}));
  }
  std::vector<Bytes> contents;
};

TEST_F(Capture, ContentsDecodeAndEncodeToEqualValues) {
  ASSERT_EQ(contents.size(), 6U);
  for (const Bytes& content : contents) {
    std::vector<asn1::Quirk> quirks;
    const auto object = asn1::decode<InformationObject>(content, {.quirks = &quirks});
    ASSERT_TRUE(object) << object.error().text();
    EXPECT_TRUE(quirks.empty()) << quirks[0].path << ": " << quirks[0].what;
    ASSERT_NE(object->ipm(), nullptr);
    EXPECT_TRUE(object->ipm()->heading.unknown.empty());
    const auto again = asn1::encode(*object);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(asn1::decode<InformationObject>(*again).value(), *object);
    EXPECT_LT(again->size(), content.size());  // PP writes indefinite lengths and defaults
    EXPECT_EQ(asn1::from_json<InformationObject>(asn1::to_json(*object)).value(), *object);
  }
}

TEST_F(Capture, ReadsAsTsharkReadsIt) {
  ASSERT_FALSE(contents.empty());
  const auto view = read_content(contents[0]);
  ASSERT_TRUE(view) << view.error().text();
  EXPECT_EQ(view->subject, "hello2");
  ASSERT_EQ(view->fields.size(), 4U);
  EXPECT_EQ(view->fields[0].text.substr(0, 9), "(q)18562 ");
  EXPECT_EQ(view->fields[1].text, "C=GB;A= ;P=TEST;O=a;S=pp");
  EXPECT_EQ(view->fields[2].text, "C=GB;A= ;P=TEST;O=b;S=test");
  ASSERT_EQ(view->parts.size(), 1U);
  EXPECT_EQ(view->parts[0].text, "From: test@a.test\nTo: test@b.test\nSubject: hello from A\n\nHello body line\n");
}

}  // namespace
}  // namespace postern::ipm
