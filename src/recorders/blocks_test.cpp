#include "recorders/blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace postern {
namespace {

namespace fs = std::filesystem;
using Kind = BlockFault::Kind;

struct Chain {
  ManualClock clock{wall_from_millis(1795308067123)};
  std::vector<AuditBlock> blocks;
  bool broken = false;
  BlockCollector collector;
  explicit Chain(BlockOptions options)
      : collector(
            "/var/log/audit.log", std::move(options),
            [this](const AuditRecord& record) -> Status {
              if (broken) return fail(ErrorCode::Unavailable, "broken");
              blocks.push_back(block_of(record).value());
              return {};
            },
            clock) {
    collector.begin(0, 0);
  }
};

TEST(AuditBlocks, EndAfterLinesOrTime) {
  Chain chain({.lines = 2, .longest = std::chrono::seconds(1)});
  ASSERT_TRUE(chain.collector.add("a\nbb\nccc\n"));
  ASSERT_EQ(chain.blocks.size(), 1U);
  EXPECT_EQ(chain.blocks[0], (AuditBlock{"/var/log/audit.log", 1, 2, 0, 5, sha256(as_bytes("a\nbb\n"))}));
  ASSERT_TRUE(chain.collector.tick());
  EXPECT_EQ(chain.blocks.size(), 1U);
  chain.clock.advance(std::chrono::seconds(1));
  ASSERT_TRUE(chain.collector.tick());
  ASSERT_EQ(chain.blocks.size(), 2U);
  EXPECT_EQ(chain.blocks[1], (AuditBlock{"/var/log/audit.log", 3, 3, 5, 4, sha256(as_bytes("ccc\n"))}));
  EXPECT_FALSE(chain.collector.is_open());
}

TEST(AuditBlocks, WaitForTheChainInOrder) {
  Chain chain({.lines = 1});
  chain.broken = true;
  EXPECT_FALSE(chain.collector.add("a\nb\n"));
  EXPECT_TRUE(chain.collector.is_open());
  chain.broken = false;
  ASSERT_TRUE(chain.collector.close());
  ASSERT_EQ(chain.blocks.size(), 2U);
  EXPECT_EQ(chain.blocks[1].offset, 2U);
}

TEST(AuditBlocks, RecordsThatAreNoneAreRefused) {
  const AuditRecord good = record_of({"/f", 1, 2, 0, 5, {}}, wall_from_millis(1));
  ASSERT_TRUE(check_record(good));
  ASSERT_TRUE(block_of(good));
  const auto refused = [&](std::string facts) {
    AuditRecord bad = good;
    bad.facts = std::move(facts);
    return !block_of(bad);
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("[]"));
  EXPECT_TRUE(refused("{}"));
  const std::string digest(64, '0');
  const auto facts = [&](std::string_view first, std::string_view last, std::string_view offset, std::string_view bytes,
                         std::string_view sha) {
    return R"({"file":"/f","first_line":)" + std::string(first) + R"(,"last_line":)" + std::string(last) + R"(,"offset":)" +
           std::string(offset) + R"(,"bytes":)" + std::string(bytes) + R"(,"sha256":")" + std::string(sha) + "\"}";
  };
  EXPECT_FALSE(refused(facts("1", "2", "0", "5", digest)));
  EXPECT_TRUE(refused(facts("0", "2", "0", "5", digest)));
  EXPECT_TRUE(refused(facts("3", "2", "1", "5", digest)));
  EXPECT_TRUE(refused(facts("1", "2", "0", "1", digest)));
  EXPECT_TRUE(refused(facts("1", "2", "7", "5", digest)));
  EXPECT_TRUE(refused(facts("2", "2", "0", "5", digest)));
  EXPECT_TRUE(refused(facts("1", "2", "0", "-5", digest)));
  EXPECT_TRUE(refused(facts("1", "2", "0", "18446744073709551615", digest)));
  EXPECT_TRUE(refused(facts("1", "2", "0", "1.5", digest)));
  EXPECT_TRUE(refused(facts("1", "2", "0", "5", "00")));
  AuditRecord other = good;
  other.kind = "login";
  EXPECT_EQ(block_of(other).error().field, "kind");
}

class VerifyBlocks : public testing::Test {
 protected:
  VerifyBlocks() {
    std::string name = fs::temp_directory_path() / "postern-blocks-XXXXXX";
    folder = ::mkdtemp(name.data());
    file = folder / "audit.log";
    for (const std::string_view lines : {"a\nb\n", "c\nd\n", "e\nf\n"}) {
      EXPECT_TRUE(chain.collector.add(lines));
      good += lines;
    }
    write(good);
  }
  ~VerifyBlocks() override { fs::remove_all(folder); }
  void write(const std::string& content) const { std::ofstream(file, std::ios::trunc) << content; }
  [[nodiscard]] std::vector<Kind> faults() const {
    std::vector<Kind> kinds;
    const auto found = verify_blocks(std::vector{file.string()}, chain.blocks).value();
    for (const BlockFault& fault : found) kinds.push_back(fault.kind);
    return kinds;
  }
  Chain chain{{.lines = 2}};
  fs::path folder, file;
  std::string good;
};

TEST_F(VerifyBlocks, SayWhatWasDone) {
  EXPECT_EQ(faults(), std::vector<Kind>{});
  write("a\nb\nX\nd\ne\nf\n");
  EXPECT_EQ(faults(), std::vector{Kind::Altered});
  write("c\nd\na\nb\ne\nf\n");
  EXPECT_EQ(faults(), (std::vector{Kind::Altered, Kind::Altered}));
  write("a\nb\nc\nd\n");
  EXPECT_EQ(faults(), std::vector{Kind::Missing});
  write("a\nb\nc\nd\ne");
  EXPECT_EQ(faults(), std::vector{Kind::Missing});
  write(good + "unseen\n");
  EXPECT_EQ(faults(), std::vector{Kind::Uncovered});
  write("");
  EXPECT_EQ(faults(), (std::vector{Kind::Missing, Kind::Missing, Kind::Missing}));
  fs::remove(file);
  EXPECT_EQ(faults(), (std::vector{Kind::Missing, Kind::Missing, Kind::Missing}));
}

TEST_F(VerifyBlocks, RecordsOutOfOrderShow) {
  std::swap(chain.blocks[1], chain.blocks[2]);
  const auto kinds = faults();
  EXPECT_NE(std::ranges::find(kinds, Kind::Disorder), kinds.end());
}

TEST_F(VerifyBlocks, ARemovedRecordShowsAsUncovered) {
  chain.blocks.erase(chain.blocks.begin() + 1);
  EXPECT_EQ(faults(), std::vector{Kind::Uncovered});
}

TEST_F(VerifyBlocks, EmptyFilesBetweenRotationsAndFilesNotGiven) {
  const std::string empty = folder / "audit.log.2";
  std::ofstream(empty).close();
  EXPECT_EQ(verify_blocks(std::vector{empty, file.string()}, chain.blocks)->size(), 0U);
  EXPECT_EQ(verify_blocks(std::vector<std::string>{}, chain.blocks)->size(), 3U);
}

}  // namespace
}  // namespace postern
