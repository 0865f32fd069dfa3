"""What is asked and answered in the pictures of the page, in both languages."""

from __future__ import annotations

from dataclasses import dataclass

#: Where the articles of `goods.shelf` stand, 0-1000.
_BOXES = """```json
[
  {{"bbox_2d": [83, 588, 311, 900], "label": "{0}"}},
  {{"bbox_2d": [443, 343, 597, 900], "label": "{1}"}},
  {{"bbox_2d": [743, 490, 937, 900], "label": "{2}"}}
]
```"""

LOOP = {"zh-CN": "价格是12.50元，库存充足，欢迎选购。", "en": "The price is $12.50 and plenty are in stock. "}


@dataclass(frozen=True)
class Words:
    """One language's questions and answers."""

    locale: str
    ask: str
    rich: str
    ask_boxes: str
    boxes: str
    ask_table: str
    table: str
    ask_price: str
    price: str
    draft: str
    earlier: tuple[tuple[str, str], ...]
    points: str
    title: str
    titles: tuple[str, ...]
    ways: tuple[str, str]
    way_system: str
    search: str
    no_hit: str
    long_line: str
    refused: tuple[str, ...]


ZH = Words(
    locale="zh-CN",
    ask="看看这几张图，整理成一份上架说明。",
    rich=r"""## 上架说明

三件商品都适合放进**“居家好物”**专题，主图光线一致。运费按 $W = \max(w, \frac{abc}{6000})$ 计重。

| 商品 | 颜色 | 建议售价 | 库存 |
| --- | --- | ---: | ---: |
| 陶瓷马克杯 | 砖红 | ¥39.00 | 120 |
| 保温杯 | 青绿 | ¥89.00 | 64 |
| 帆布包 | 米黄 | ¥59.00 | 210 |

1. 先上马克杯，主图用图1；
2. 保温杯的腰封要修掉反光；
3. 帆布包补一张背面图。

```python
def postage(weight_kg: float) -> float:
    # 首重 1 kg
    return 8.0 + 2.5 * max(0.0, weight_kg - 1.0)
```

```mermaid
flowchart LR
  A[拍照] --> B{清楚吗}
  B -- 是 --> C[写标题]
  B -- 否 --> A
  C --> D[上架]
```
""",
    ask_boxes="定位图中每件商品，用JSON输出 bbox_2d 和 label。",
    boxes="图中有三件商品：\n\n" + _BOXES.format("马克杯", "保温杯", "台灯"),
    ask_table="把价目表转成表格。",
    table="""| 商品 | 单价 | 库存 | 条码 |
| --- | ---: | ---: | --- |
| 苹果 | ¥5.80 | 120 | 6901234567892 |
| 牛奶 | ¥3.50 | 86 | 6902345678903 |
| 面包 | ¥8.00 | 42 | 6903456789014 |
""",
    ask_price="价签上写了多少钱？",
    price="价签上写着：红富士苹果，每500克 **¥5.80**。",
    draft="这几张里哪张适合做主图？@图2 的背景要不要换",
    earlier=(
        ("给马克杯写一个标题", "砖红色陶瓷马克杯 大容量办公室水杯"),
        ("合计多少钱？", "收据合计 ¥58.30。"),
        ("比较这两张价签", "图1 便宜 ¥2.30。"),
        ("把海报上的活动时间读出来", "11 月 1 日至 11 月 11 日。"),
    ),
    points=(
        "【卖点1】砖红釉面，桌上一眼就看到\n【卖点2】大把手好握，热茶也不烫手\n"
        "【卖点3】350毫升，一杯正好喝完，是全网最好用的顶级办公室马克杯之一\n"
        "【卖点4】厚底稳当，放在键盘旁也放心\n【卖点5】内壁光滑，一冲就干净"
    ),
    title="【标题】砖红陶瓷马克杯 350ml 大把手办公室水杯",
    titles=(
        "砖红陶瓷马克杯 350ml 大把手办公室水杯",
        "316不锈钢保温杯 青绿色 500ml 顶级保温",
        "加厚帆布包 大容量单肩手提 通勤购物",
        "暖光台灯 布艺灯罩 卧室床头小夜灯",
        "条纹抱枕 沙发靠垫 可拆洗 45×45",
        "龟背竹盆栽 好养绿植 含陶土盆",
        "静音挂钟 北欧简约 12寸客厅钟表",
        "低帮帆布鞋 学生百搭 蓝白拼色",
    ),
    ways=(
        "一只砖红色的马克杯，适合办公室，把手宽大好握。",
        "一只砖红色的陶瓷杯，适合送礼，把手宽大好握，杯底很稳。",
    ),
    way_system="你是电商文案，语气活泼。",
    search="价签",
    no_hit="水晶鞋",
    long_line="商品{n}-{m}的价格是{m}.{n}0元",
    refused=("货单.docx", "主图.heic", "扫描.tiff", "空的.png"),
)

EN = Words(
    locale="en",
    ask="Look at these pictures and write a listing plan.",
    rich=r"""## Listing plan

All three suit the **“Home finds”** collection. Postage is by $W = \max(w, \frac{abc}{6000})$.

| Article | Colour | Price | In stock |
| --- | --- | ---: | ---: |
| Ceramic mug | brick red | $12.90 | 120 |
| Steel flask | teal | $29.00 | 64 |
| Canvas tote | natural | $19.50 | 210 |

1. List the mug first, with picture 1 as its main picture.
2. Retouch the glare on the flask's band.
3. Take the back of the tote as well.

```python
def postage(weight_kg: float) -> float:
    # the first kilogram
    return 8.0 + 2.5 * max(0.0, weight_kg - 1.0)
```

```mermaid
flowchart LR
  A[Photograph] --> B{Sharp?}
  B -- yes --> C[Write the title]
  B -- no --> A
  C --> D[List it]
```
""",
    ask_boxes="Locate every article, output JSON with bbox_2d and label.",
    boxes="There are three articles:\n\n" + _BOXES.format("mug", "flask", "lamp"),
    ask_table="Turn the price list into a table.",
    table="""| Article | Price | Stock | Bar code |
| --- | ---: | ---: | --- |
| Apples | $5.80 | 120 | 6901234567892 |
| Milk | $3.50 | 86 | 6902345678903 |
| Bread | $8.00 | 42 | 6903456789014 |
""",
    ask_price="What does the price tag say?",
    price="The tag says: orange juice, **$3.50** a litre.",
    draft="Which one should be the main picture? Does the background of @图2 have to go",
    earlier=(
        ("Write a title for the mug", "Brick red ceramic mug, large office cup"),
        ("What is the total?", "The receipt comes to $58.30."),
        ("Compare the two price tags", "Picture 1 is $2.30 cheaper."),
        ("Read the dates on the poster", "1 to 11 November."),
    ),
    points=(
        "【Point 1】A brick red glaze that stands out on any desk\n"
        "【Point 2】A wide handle, so that hot tea stays comfortable to hold\n"
        "【Point 3】Holds 350 ml, simply the best and No. 1 choice of mug for long mornings of work at "
        "the office, at home or anywhere else you may go\n"
        "【Point 4】A heavy base that stays put beside the keyboard\n"
        "【Point 5】A smooth inside that rinses clean"
    ),
    title="【Title】Brick Red Ceramic Mug 350 ml, Wide Handle Office Cup",
    titles=(
        "Brick Red Ceramic Mug 350 ml, Wide Handle Office Cup",
        "Best Stainless Steel Flask 500 ml, Teal",
        "Heavy Canvas Tote, Large Shoulder Bag for Work",
        "Warm Desk Lamp with Fabric Shade, Bedside Light",
        "Striped Cushion 45 × 45, Washable Cover",
        "Potted Monstera, Easy Care, Clay Pot Included",
        "Silent Wall Clock 30 cm, Living Room",
        "Low Canvas Sneakers, Blue and White",
    ),
    ways=(
        "A brick red mug for the office, with a wide handle.",
        "A brick red ceramic cup to give away, with a wide handle and a steady base.",
    ),
    way_system="You write lively copy for a shop.",
    search="tag",
    no_hit="glass slipper",
    long_line="article {n}-{m} costs {m}.{n}0 dollars",
    refused=("order.docx", "main.heic", "scan.tiff", "empty.png"),
)

WORDS = {"zh-CN": ZH, "en": EN}
