// The intrusive list: order, removal from anywhere, splicing, and elements that are in two lists at once.
#include <weft/runtime/algorithms/intrusive_list.hpp>

#include <array>
#include <deque>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace weft::engine {
namespace {

struct First;
struct Second;

struct Item : ListHook<First>, ListHook<Second> {
  explicit Item(int n = 0) : number(n) {}
  int number;
};

using List = IntrusiveList<Item, First>;
using OtherList = IntrusiveList<Item, Second>;

template <class L>
std::vector<int> numbers(L const& list) {
  std::vector<int> found;
  for (Item const* item = list.front(); item != nullptr; item = list.next(*item)) found.push_back(item->number);
  return found;
}

using Numbers = std::vector<int>;

TEST(IntrusiveList, IsEmptyAtFirst) {
  List list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.front(), nullptr);
  EXPECT_EQ(list.pop_front(), nullptr);
}

TEST(IntrusiveList, PushesAtBothEnds) {
  List list;
  std::array<Item, 3> items{Item(0), Item(1), Item(2)};
  list.push_back(items[1]);
  list.push_back(items[2]);
  list.push_front(items[0]);
  EXPECT_EQ(numbers(list), (Numbers{0, 1, 2}));
  EXPECT_EQ(list.front(), &items[0]);
  EXPECT_EQ(list.pop_front(), &items[0]);
  EXPECT_FALSE(items[0].ListHook<First>::linked());
  EXPECT_EQ(numbers(list), (Numbers{1, 2}));
  list.pop_front();
  list.pop_front();
  EXPECT_TRUE(list.empty());
}

TEST(IntrusiveList, ErasesFromAnywhere) {
  for (std::size_t victim = 0; victim < 3; ++victim) {
    List list;
    std::array<Item, 3> items{Item(0), Item(1), Item(2)};
    for (Item& item : items) list.push_back(item);
    List::erase(items[victim]);
    Numbers expected{0, 1, 2};
    expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(victim));
    EXPECT_EQ(numbers(list), expected);
    EXPECT_FALSE(items[victim].ListHook<First>::linked());
    list.push_back(items[victim]);
    EXPECT_EQ(numbers(list).back(), static_cast<int>(victim));
  }
}

TEST(IntrusiveList, AnElementMayBeInTwoListsAtOnce) {
  List list;
  OtherList other;
  std::array<Item, 2> items{Item(0), Item(1)};
  list.push_back(items[0]);
  list.push_back(items[1]);
  other.push_front(items[0]);
  other.push_front(items[1]);
  EXPECT_EQ(numbers(list), (Numbers{0, 1}));
  EXPECT_EQ(numbers(other), (Numbers{1, 0}));
  List::erase(items[0]);
  EXPECT_EQ(numbers(list), (Numbers{1}));
  EXPECT_EQ(numbers(other), (Numbers{1, 0}));
}

TEST(IntrusiveList, SplicesInOrderAndEmptiesTheOther) {
  std::deque<Item> items;
  for (int i = 0; i < 4; ++i) items.emplace_back(i);
  List list, other;
  list.splice_back(other);
  EXPECT_TRUE(list.empty());
  other.push_back(items[0]);
  other.push_back(items[1]);
  list.splice_back(other);
  EXPECT_EQ(numbers(list), (Numbers{0, 1}));
  EXPECT_TRUE(other.empty());
  other.push_back(items[2]);
  list.splice_back(other);
  list.splice_back(other);
  other.push_back(items[3]);
  EXPECT_EQ(numbers(list), (Numbers{0, 1, 2}));
  EXPECT_EQ(numbers(other), (Numbers{3}));
}

TEST(IntrusiveList, AgreesWithADequeOverRandomOperations) {
  std::mt19937 random(1);
  std::deque<Item> items;
  for (int i = 0; i < 20; ++i) items.emplace_back(i);
  std::array<List, 2> lists;
  std::array<std::deque<int>, 2> models;
  for (int step = 0; step < 100'000; ++step) {
    std::size_t const which = random() % 2;
    Item& item = items[random() % items.size()];
    switch (random() % 5) {
      case 0:
      case 1: {
        for (std::deque<int>& model : models) std::erase(model, item.number);
        if (item.ListHook<First>::linked()) List::erase(item);
        bool const back = random() % 2 == 0;
        if (back) lists[which].push_back(item), models[which].push_back(item.number);
        else lists[which].push_front(item), models[which].push_front(item.number);
        break;
      }
      case 2: {
        Item* const popped = lists[which].pop_front();
        ASSERT_EQ(popped == nullptr, models[which].empty());
        if (popped == nullptr) break;
        ASSERT_EQ(popped->number, models[which].front());
        models[which].pop_front();
        break;
      }
      case 3:
        if (item.ListHook<First>::linked()) List::erase(item);
        for (std::deque<int>& model : models) std::erase(model, item.number);
        break;
      default:
        if (random() % 10 != 0) break;
        lists[which].splice_back(lists[1 - which]);
        models[which].insert(models[which].end(), models[1 - which].begin(), models[1 - which].end());
        models[1 - which].clear();
    }
    for (std::size_t i = 0; i < 2; ++i) ASSERT_EQ(numbers(lists[i]), Numbers(models[i].begin(), models[i].end()));
  }
}

}  // namespace
}  // namespace weft::engine
