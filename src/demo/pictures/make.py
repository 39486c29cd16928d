#!/usr/bin/env python3
"""Draws the demo's pictures: invented products, badges and pages, so that nothing in the demo belongs to anybody else.

Needs Pillow, numpy and the Noto CJK fonts (Debian: fonts-noto-cjk). Run it in this folder; it writes beside itself.
The same versions of the three give the same bytes: chance is seeded.
"""

import math
import os
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

HERE = os.path.dirname(os.path.abspath(__file__))
FONTS = os.environ.get("NOTO_CJK", "/usr/share/fonts/opentype/noto")
INK = (28, 33, 36)
GREEN = (24, 66, 58)
AMBER = (240, 168, 58)
PAPER = (250, 247, 240)


# ---------------------------------------------------------------------------------------------------------- helpers

def font(size, bold=False, serif=False, zh=False):
    """zh: simplified Chinese forms; else the face whose quotation marks are as narrow as Latin text wants them."""
    name = f"Noto{'Serif' if serif else 'Sans'}CJK-{'Bold' if bold else 'Regular'}.ttc"
    return ImageFont.truetype(os.path.join(FONTS, name), size, index=2 if zh else 1)


def rgb(value):
    return tuple(int(value[i:i + 2], 16) for i in (1, 3, 5))


def ramp(t, stops):
    """Colours of `stops` [(at, '#rrggbb')] at the positions `t`, as a float array with a last axis of 3."""
    at = [s[0] for s in stops]
    return np.stack([np.interp(t, at, [rgb(s[1])[c] for s in stops]) for c in range(3)], axis=-1)


def image(array):
    return Image.fromarray(np.clip(array, 0, 255).astype(np.uint8))


def vertical(width, height, stops):
    column = ramp(np.linspace(0, 1, height), stops)
    return image(np.broadcast_to(column[:, None, :], (height, width, 3)).copy())


def glow(size, centre, radius, colour, strength, squash=1.0):
    """A soft light to be added to a picture."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    d = np.hypot(x - centre[0], (y - centre[1]) / squash) / radius
    return np.exp(-(d ** 2) * 2.2)[..., None] * np.array(colour, float) * strength


def add_light(picture, *lights):
    return image(np.asarray(picture.convert("RGB"), float) + sum(lights))


def grain(picture, seed, amount=2.0):
    rng = np.random.default_rng(seed)
    array = np.asarray(picture.convert("RGB"), float)
    return image(array + rng.normal(0, amount, array.shape[:2])[..., None])


def spaced(draw, xy, text, face, fill, gap=0, anchor="l"):
    """Text with letter spacing; anchor l, m or r. Returns its width."""
    widths = [face.getlength(c) for c in text]
    total = sum(widths) + gap * (len(text) - 1)
    x, y = xy
    x -= {"l": 0, "m": total / 2, "r": total}[anchor]
    for c, w in zip(text, widths):
        draw.text((x, y), c, font=face, fill=fill, anchor="ls")
        x += w + gap
    return total


def around(picture, text, face, fill, centre, radius, middle, gap=0, inward=False):
    """Text on a circle, its middle at the angle `middle` (degrees, 0 is up); inward: read from below."""
    widths = [face.getlength(c) + gap for c in text]
    total = sum(widths) / radius
    sign = -1 if inward else 1
    angle = math.radians(middle) - sign * total / 2
    for c, w in zip(text, widths):
        a = angle + sign * w / radius / 2
        box = int(face.size * 2.4)
        tile = Image.new("RGBA", (box, box), fill + (0,))
        ImageDraw.Draw(tile).text((box / 2, box / 2 + face.size * 0.36), c, font=face, fill=fill + (255,), anchor="ms")
        tile = tile.rotate(-math.degrees(a) + (180 if inward else 0), Image.BICUBIC)
        x = centre[0] + math.sin(a) * radius - box / 2
        y = centre[1] - math.cos(a) * radius - box / 2
        picture.alpha_composite(tile, (round(x), round(y)))
        angle += sign * w / radius


def wrap(text, face, width):
    lines, line = [], ""
    for word in text.split(" "):
        trial = f"{line} {word}".strip()
        if face.getlength(trial) <= width:
            line = trial
        else:
            lines.append(line)
            line = word
    return lines + [line]


def wrap_zh(text, face, width):
    lines, line = [], ""
    for c in text:
        if face.getlength(line + c) > width and c not in "，。、；：！？”）":
            lines.append(line)
            line = ""
        line += c
    return lines + [line]


def paragraph(draw, xy, text, face, fill, width, leading, zh=False):
    x, y = xy
    for line in (wrap_zh if zh else wrap)(text, face, width):
        draw.text((x, y), line, font=face, fill=fill, anchor="ls")
        y += leading
    return y


def rounded_mask(size, box, radius, scale=4):
    mask = Image.new("L", (size[0] * scale, size[1] * scale), 0)
    ImageDraw.Draw(mask).rounded_rectangle([v * scale for v in box], radius * scale, fill=255)
    return mask.resize(size, Image.LANCZOS)


def save_jpeg(picture, name, quality=84):
    picture.convert("RGB").save(os.path.join(HERE, name), "JPEG", quality=quality, optimize=True, progressive=True)


def save_png(picture, name):
    """Flat drawings: a palette is enough, its clear colours included."""
    clear = picture.mode == "RGBA"
    picture = picture.quantize(256 if clear else 96, Image.FASTOCTREE if clear else Image.MEDIANCUT, dither=Image.NONE)
    picture.save(os.path.join(HERE, name), "PNG", optimize=True)


# --------------------------------------------------------------------------------------------------------- products

ENAMEL = [(0, "#0b1f1b"), (.06, "#173c35"), (.2, "#2c6a5e"), (.31, "#7fb3a6"), (.36, "#4a8a7d"), (.55, "#1f5248"), (.8, "#123630"), (.94, "#0a1f1b"), (1, "#1b433b")]
BRASS = [(0, "#5a3d16"), (.07, "#8f6a2c"), (.22, "#d8b265"), (.32, "#fff0c0"), (.4, "#dcb767"), (.6, "#a77f37"), (.85, "#6d4a1c"), (.95, "#4d340f"), (1, "#8a6930")]
RUBBER = [(0, "#101112"), (.3, "#3a3d3f"), (.5, "#232526"), (1, "#0c0d0d")]
WOOD = [(0, "#6e4522"), (.35, "#d9a66b"), (.5, "#c98f52"), (1, "#5d3819")]


def lantern(height, lit=1.0):
    """The NL-1 with a transparent ground, `height` pixels tall. Bodies of revolution, seen from a little above."""
    ss = 2 if height > 900 else 4
    unit = height * ss / 944.0           # the drawing is 944 units tall, from -2 to 942
    W, H = round(640 * unit), height * ss
    canvas = np.zeros((H, W, 4))
    cx, top = W / 2, 2 * unit
    ys, xs = np.mgrid[0:H, 0:W].astype(float)
    ys = (ys - top) / unit
    xs = (xs - cx) / unit

    def put(mask, colour):
        canvas[mask, :3] = colour[mask]
        canvas[mask, 3] = 255

    def body(y0, y1, half, stops, tilt=14, face=None, shade=None, lid=(1.0, 1.0)):
        """From y0 to y1 with the half width half(t), t from 0 to 1."""
        rows = slice(max(0, int((y0 - tilt) * unit + top) - 2), min(H, int((y1 + tilt) * unit + top) + 3))
        y, x = ys[rows], xs[rows]
        t = np.clip((y - y0) / (y1 - y0), 0, 1)
        w = half(t)
        if face is not None:
            w0 = half(np.zeros(1))[0]
            top_face = ((x / (w0 * lid[0])) ** 2 + ((y - y0) / (tilt * lid[1])) ** 2) <= 1
            colour = ramp((x / w0 + 1) / 2, face)
            canvas[rows][top_face, :3] = colour[top_face]
            canvas[rows][top_face, 3] = 255
        u = x / w
        bend = np.sqrt(np.clip(1 - u ** 2, 0, 1)) * tilt
        inside = (np.abs(u) <= 1) & (y - bend >= y0) & (y - bend <= y1)
        colour = ramp((u + 1) / 2, stops)
        if shade is not None:
            colour = shade(colour, u, (y - bend - y0) / (y1 - y0))
        canvas[rows][inside, :3] = np.clip(colour, 0, 255)[inside]
        canvas[rows][inside, 3] = 255

    flat = lambda v: (lambda t: np.full_like(t, float(v)))
    line = lambda a, b: (lambda t: a + (b - a) * t)

    # the bail's far side of the hinge is hidden, so it comes first
    R, cy = 262, 296
    r = np.hypot(xs, ys - cy)
    angle = np.degrees(np.arctan2(xs, -(ys - cy)))
    wire = (np.abs(r - R) <= 11) & (ys <= cy + 4)
    put(wire, ramp(np.clip((r - R) / 22 + .5, 0, 1), BRASS))
    grip = (np.abs(r - R) <= 24 - 6 * np.clip((np.abs(angle) - 24) / 8, 0, 1)) & (np.abs(angle) <= 32) & (ys < cy)
    grain_lines = 1 + .05 * np.sin(angle * 1.7 + np.sin((r - R) * .5) * 2)
    put(grip, ramp(np.clip((R - r) / 48 + .5, 0, 1), [(1 - a, c) for a, c in reversed(WOOD)]) * grain_lines[..., None])
    for at in (-33.5, 33.5):
        ring = (np.abs(r - R) <= 17) & (np.abs(angle - at) <= 2) & (ys < cy)
        put(ring, ramp(np.clip((r - R) / 34 + .5, 0, 1), BRASS))

    # base, from the feet up
    body(918, 928, flat(236), RUBBER)
    def engraved(colour, u, v):
        band = (np.abs(v - .14) < .012) | (np.abs(v - .86) < .012)
        colour = colour * (1 - .18 * v)[..., None]
        colour[band] = colour[band] * .55 + 20
        return colour
    body(752, 918, line(252, 268), ENAMEL, face=[(0, "#0f2b26"), (.4, "#3d7569"), (1, "#0d2621")], shade=engraved)
    body(716, 752, flat(238), BRASS, face=BRASS)

    # glass
    def glass(colour, u, v):
        heart = np.exp(-(u / .42) ** 2) * np.exp(-((v - .54) / .36) ** 2)
        haze = np.exp(-(u / .95) ** 2) * np.exp(-((v - .5) / .62) ** 2)
        warm = ramp(np.clip(.25 + .5 * haze + .6 * heart, 0, 1), [(0, "#a86a1e"), (.3, "#e39a35"), (.6, "#ffcc70"), (.8, "#ffe9b4"), (1, "#fffdf2")])
        cold = ramp(np.clip(.3 + .6 * haze, 0, 1), [(0, "#8d989b"), (1, "#eef3f3")])
        colour = warm * lit + cold * (1 - lit)
        rim = np.clip((np.abs(u) - .86) / .14, 0, 1) ** 2
        colour = colour * (1 - .45 * rim)[..., None]
        shine = np.exp(-((u + .66) / .05) ** 2 - ((v - .46) / .3) ** 4) * .6 + np.exp(-((u - .8) / .025) ** 2 - ((v - .5) / .26) ** 4) * .32
        colour = colour * (1 - shine)[..., None] + 255 * shine[..., None]
        edge = np.clip(1 - np.minimum(v, 1 - v) / .05, 0, 1)
        return colour * (1 - .3 * edge)[..., None]
    bulge = lambda t: 196 + 22 * np.sin(np.pi * t)
    body(332, 716, bulge, ENAMEL, shade=glass)

    # four guards; the near pair crosses the glass
    t = np.clip((ys - 332) / 384, 0, 1)
    w = bulge(t) + 8
    for u0 in (-.985, -.47, .47, .985):
        d = (xs - u0 * w) / 6.5
        bar = (np.abs(d) <= 1) & (ys >= 330) & (ys <= 716 + 14 * math.sqrt(1 - u0 ** 2))
        put(bar, ramp(np.clip((d + 1) / 2, 0, 1), [(0, "#4d340f"), (.35, "#f0d491"), (.6, "#b48c42"), (1, "#4d340f")]))

    # cap
    body(292, 332, flat(238), BRASS, face=BRASS)
    def vents(colour, u, v):
        colour = colour * (1.05 - .25 * v)[..., None]
        slot = (np.abs(v - .62) < .09) & (np.abs(np.sin(np.arcsin(np.clip(u, -1, 1)) * 9)) > .55)
        colour[slot] = colour[slot] * .3
        return colour
    body(196, 292, lambda t: 118 + 92 * np.sin(np.clip(t, 0, 1) * np.pi / 2) ** .9, ENAMEL, face=ENAMEL, shade=vents, lid=(1.12, 1.5))
    body(168, 198, flat(66), BRASS, tilt=6, face=BRASS)
    for side in (-1, 1):
        d = np.hypot(xs - side * 250, ys - 306)
        put(d <= 27, ramp(np.clip((xs - side * 250) / 54 + .5, 0, 1), BRASS))
        put(d <= 11, ramp(np.clip((xs - side * 250) / 22 + .5, 0, 1), [(0, "#7d5a22"), (1, "#3a270b")]))

    # the dial, and the name in relief
    d = np.hypot(xs, ys - 846)
    put(d <= 43, ramp(np.clip(xs / 86 + .5, 0, 1), [(0, "#071512"), (1, "#16382f")]))
    notch = (d <= 38) & (d > 31)
    put(d <= 38, ramp(np.clip((xs + (ys - 846)) / 108 + .5, 0, 1), [(0, "#fff0c0"), (.35, "#d8b265"), (.7, "#9a7433"), (1, "#6a4b1d")]))
    put(notch & (np.abs(np.sin(np.arctan2(ys - 846, xs) * 18)) > .6), ramp(np.full_like(xs, .5), [(0, "#6d4a1c"), (1, "#6d4a1c")]))
    put((np.abs(xs) < 3.2) & (ys > 813) & (ys < 838), ramp(np.full_like(xs, .5), [(0, "#3a270b"), (1, "#3a270b")]))

    picture = image(canvas)
    label = Image.new("RGBA", (W, H), (0, 0, 0, 0))
    face = font(round(25 * unit), bold=True)
    spaced(ImageDraw.Draw(label), (cx - 148 * unit, top + 858 * unit), "NORTH", face, (232, 214, 166, 235), 5 * unit, "m")
    spaced(ImageDraw.Draw(label), (cx + 148 * unit, top + 858 * unit), "LIGHT", face, (232, 214, 166, 235), 5 * unit, "m")
    picture.alpha_composite(label)
    return picture.resize((W // ss, H // ss), Image.LANCZOS)


def on_white(size, product, at, shadow):
    """A product photo: pure white to the edge, with a soft shadow (box) beneath."""
    ground = Image.new("L", (size, size), 0)
    ImageDraw.Draw(ground).ellipse(shadow, fill=92)
    ground = ground.filter(ImageFilter.GaussianBlur(size * .0065))
    picture = Image.composite(Image.new("RGB", (size, size), (60, 62, 64)), Image.new("RGB", (size, size), "white"), ground)
    picture.paste(product, at, product)
    return picture


def product_lantern():
    product = lantern(1790)
    x = (2000 - product.width) // 2
    save_jpeg(on_white(2000, product, (x, 90), (470, 1837, 1530, 1889)), "nl1-white.jpg", 79)


def headlamp(size):
    ss = 2
    S = size * ss
    u = S / 1000
    picture = Image.new("RGBA", (S, S), (255, 255, 255, 0))
    draw = ImageDraw.Draw(picture)
    cx, cy, a, b, band = 500, 470, 452, 205, 118

    def strip(t0, t1, colour, lower=0.0, upper=1.0):
        points = []
        for t in (t0, t1):
            points.append((cx + a * math.cos(t), cy + b * math.sin(t)))
        (x0, y0), (x1, y1) = points
        lo, hi = band * (lower - .5), band * (upper - .5)
        draw.polygon([(x0 * u, (y0 + lo) * u), (x1 * u, (y1 + lo) * u), (x1 * u, (y1 + hi) * u), (x0 * u, (y0 + hi) * u)], fill=colour)

    steps = 720
    for half in ("back", "front"):
        for i in range(steps):
            t0, t1 = 2 * math.pi * i / steps, 2 * math.pi * (i + 1.3) / steps
            front = math.sin((t0 + t1) / 2) > 0
            if front != (half == "front"):
                continue
            c = math.cos(t0)
            light = .62 + .38 * max(0, math.cos(t0 - math.radians(115))) if front else .42 + .2 * abs(math.sin(t0))
            knit = 1 + .05 * math.sin(i * 2.4)
            base = np.array((46, 54, 58)) * light * knit * (1.25 if front else .9)
            strip(t0, t1, tuple(int(min(255, v)) for v in base))
            if front:
                amber = np.array(AMBER) * (.55 + .45 * light)
                strip(t0, t1, tuple(int(v) for v in amber), .44, .56)
                edge = base * 1.3
                strip(t0, t1, tuple(int(min(255, v)) for v in edge), 0, .06)
                strip(t0, t1, tuple(int(v) for v in base * .7), .94, 1)
    # a slider on the strap
    for side in (-1, 1):
        x = cx + side * 318
        y = cy + b * math.sqrt(1 - (318 / a) ** 2)
        draw.rounded_rectangle([(x - 30) * u, (y - 76) * u, (x + 30) * u, (y + 76) * u], 14 * u, fill=(24, 27, 29))
        draw.rounded_rectangle([(x - 14) * u, (y - 62) * u, (x + 14) * u, (y + 62) * u], 8 * u, fill=(58, 65, 69))

    def block(box, radius, stops, across=True):
        x0, y0, x1, y1 = [round(v * u) for v in box]
        w, h = x1 - x0, y1 - y0
        if across:
            fill = image(np.broadcast_to(ramp(np.linspace(0, 1, w), stops)[None], (h, w, 3)).copy())
        else:
            fill = vertical(w, h, stops)
        mask = rounded_mask((w, h), (0, 0, w - 1, h - 1), round(radius * u), 2)
        picture.paste(fill, (x0, y0), mask)

    y = cy + b
    block((296, y - 138, 704, y + 150), 64, [(0, "#0d0f10"), (.3, "#3c4246"), (1, "#0d0f10")])
    block((306, y - 162, 694, y + 132), 78, ENAMEL)
    block((330, y - 146, 670, y - 96), 24, [(0, "#5f9f91"), (1, "#1f5248")], across=False)
    block((452, y - 184, 548, y - 150), 16, BRASS)

    def disc(x, y, radius, stops, squash=1.0):
        x0, y0 = round((x - radius) * u), round((y - radius) * u)
        n = round(2 * radius * u)
        yy, xx = np.mgrid[0:n, 0:n]
        d = np.hypot(xx - n / 2, yy - n / 2) / (n / 2)
        fill = image(ramp(np.clip(d, 0, 1), stops))
        mask = Image.fromarray((np.clip((1 - d) * n / 2 + .5, 0, 1) * 255).astype(np.uint8))
        picture.paste(fill, (x0, y0), mask)

    lens = (450, y + 8)
    disc(*lens, 118, [(0, "#1b1e20"), (.86, "#2b3033"), (.93, "#d8b265"), (1, "#6d4a1c")])
    disc(*lens, 102, [(0, "#ffffff"), (.2, "#fffdf0"), (.34, "#ffe9ad"), (.46, "#cfd6d8"), (.62, "#f7fafa"), (.8, "#a9b2b5"), (1, "#5e676b")])
    for k in range(24):
        t = math.radians(15 * k)
        draw.line([((lens[0] + 42 * math.cos(t)) * u, (lens[1] + 42 * math.sin(t)) * u), ((lens[0] + 98 * math.cos(t)) * u, (lens[1] + 98 * math.sin(t)) * u)], fill=(146, 156, 160, 255), width=round(1.6 * u))
    disc(*lens, 30, [(0, "#fffef8"), (.6, "#ffe79c"), (1, "#e9b34a")])
    disc(614, y - 34, 36, [(0, "#ff8d7d"), (.45, "#d13a2b"), (.8, "#5c120c"), (1, "#1b1e20")])
    disc(614, y + 58, 36, [(0, "#f9fbfb"), (.5, "#cdd5d7"), (.8, "#5e676b"), (1, "#1b1e20")])
    spaced(draw, (500 * u, (y - 112) * u), "NORTHLIGHT", font(round(22 * u), True), (232, 214, 166, 255), 4 * u, "m")
    return picture.resize((size, size), Image.LANCZOS)


def product_headlamp():
    lamp = headlamp(2000)
    save_jpeg(on_white(2000, lamp, (0, 60), (560, 1680, 1440, 1735)), "nl2-white.jpg", 80)


def dry_bag():
    S = 2400
    picture = Image.new("RGBA", (S, S), (255, 255, 255, 0))
    u = S / 1000
    ys, xs = np.mgrid[0:S, 0:S] / u
    body_w = 250 - 10 * np.cos((ys - 260) / 640 * np.pi * 2) + 1.6 * np.sin(ys / 31 + .6)
    inside = (np.abs(xs - 500) <= body_w) & (ys >= 262) & (ys <= 918 + 26 * np.sqrt(np.clip(1 - ((xs - 500) / body_w) ** 2, 0, 1)))
    t = ((xs - 500) / body_w + 1) / 2
    fold = 1 + .06 * np.sin(ys / 40 + np.sin(xs / 60) * 2.2) * np.exp(-((ys - 330) / 160) ** 2) + .025 * np.sin(xs / 17 + ys / 90)
    colour = ramp(t, [(0, "#7a2f14"), (.12, "#b44b22"), (.32, "#f08a52"), (.42, "#e06f35"), (.7, "#bf5424"), (.92, "#86350f"), (1, "#a3481f")]) * fold[..., None]
    layer = np.zeros((S, S, 4))
    layer[..., :3] = np.clip(colour, 0, 255)
    layer[..., 3] = inside * 255
    picture.alpha_composite(image(layer))
    draw = ImageDraw.Draw(picture)
    for i, (y, w) in enumerate(((248, 236), (206, 228), (166, 222))):
        roll = np.zeros((S, S, 4))
        r = 24
        m = (np.abs(ys - y) <= r) & (np.abs(xs - 500) <= w - (np.abs(ys - y) / r) ** 4 * 10)
        roll[..., :3] = ramp(np.clip((ys - y) / (2 * r) + .5, 0, 1), [(0, "#3b3f42"), (.3, "#7c8387"), (.6, "#3a3e41"), (1, "#141617")])
        roll[..., 3] = m * 255
        picture.alpha_composite(image(roll))
    for side in (-1, 1):
        x = 500 + side * 236
        draw.rounded_rectangle([(x - 30) * u, 150 * u, (x + 30) * u, 262 * u], 16 * u, fill=(22, 24, 25))
        draw.rounded_rectangle([(x - 16) * u, 168 * u, (x + 16) * u, 244 * u], 8 * u, fill=(60, 65, 68))
    draw.rounded_rectangle([370 * u, 470 * u, 630 * u, 720 * u], 18 * u, fill=(252, 246, 236, 255))
    draw.arc([430 * u, 520 * u, 570 * u, 660 * u], 180, 360, fill=(176, 74, 33), width=round(9 * u))
    for k in range(3):
        draw.line([((420 + 10 * k) * u, (596 + 18 * k) * u), ((580 - 10 * k) * u, (596 + 18 * k) * u)], fill=(31, 78, 92), width=round(7 * u))
    spaced(draw, (500 * u, 690 * u), "SALTMARSH", font(round(30 * u), True), INK, 3 * u, "m")
    product = picture.resize((1200, 1200), Image.LANCZOS)
    save_jpeg(on_white(1200, product, (0, 20), (330, 1108, 870, 1150)), "sm20-white.jpg", 84)


# ----------------------------------------------------------------------------------------------------------- scenes

def ridge(width, base, height, seed, rough=.55):
    """A mountain line: octaves of noise over the width."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, width)
    y = np.zeros(width)
    amplitude, n = 1.0, 3
    for _ in range(7):
        knots = rng.uniform(-1, 1, n + 2)
        y += amplitude * np.interp(x, np.linspace(0, 1, n + 2), knots)
        amplitude *= rough
        n *= 2
    y = (y - y.min()) / (y.max() - y.min())
    return base - height * y


def land(picture, line, colour_top, colour_bottom, depth=260):
    width, height = picture.size
    y = np.arange(height)[:, None]
    mask = np.clip(y - line[None, :] + .5, 0, 1)
    t = np.clip((y - line.min()) / depth, 0, 1)
    fill = np.broadcast_to(ramp(t, [(0, colour_top), (1, colour_bottom)]), (height, width, 3))
    base = np.asarray(picture, float)
    return image(base * (1 - mask[..., None]) + fill * mask[..., None])


def stars(picture, seed, count, limit):
    rng = np.random.default_rng(seed)
    draw = ImageDraw.Draw(picture, "RGBA")
    for _ in range(count):
        x, y = rng.uniform(0, picture.width), rng.uniform(0, limit) ** 1.0
        r = rng.choice([.7, 1.0, 1.5], p=[.6, .32, .08])
        draw.ellipse([x - r, y - r, x + r, y + r], fill=(255, 250, 235, int(rng.uniform(70, 220) * (1 - y / limit * .7))))


def tent(picture, x, y, size, inner="#ffcf7d", outer="#b0562a"):
    s = size
    layer = Image.new("RGBA", (picture.width * 2, picture.height * 2), (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    P = lambda *pts: [((x + px * s) * 2, (y + py * s) * 2) for px, py in pts]
    draw.polygon(P((-1.0, 0), (-.12, -1.0), (.36, 0)), fill=rgb(inner) + (255,))
    draw.polygon(P((-.12, -1.0), (1.12, -.06), (.36, 0)), fill=rgb(outer) + (255,))
    draw.polygon(P((-.44, 0), (-.12, -.86), (.02, 0)), fill=(255, 238, 190, 255))
    draw.polygon(P((-.22, 0), (-.12, -.86), (.02, 0)), fill=(96, 47, 24, 255))
    draw.line(P((-1.0, 0), (-.12, -1.0)), fill=(96, 47, 24, 255), width=5)
    draw.line(P((-.12, -1.0), (1.12, -.06)), fill=(70, 34, 18, 255), width=5)
    draw.line(P((1.12, -.06), (1.4, .08)), fill=(60, 50, 46, 200), width=3)
    layer = layer.resize(picture.size, Image.LANCZOS)
    picture.paste(layer, (0, 0), layer)


def lifestyle(name, sky, far, near, ground, light, tent_at, seed, star_count):
    W, H = 1600, 1067
    picture = vertical(W, H, sky)
    stars(picture, seed, star_count, 520)
    horizon = 640
    for k, (colour, haze) in enumerate(far):
        picture = land(picture, ridge(W, horizon - 20 + 22 * k, 330 - 84 * k, seed + k, .5), colour, haze, 330 - 50 * k)
    # the lake: the upper half, mirrored, calmed and darkened
    mirror = picture.crop((0, horizon - 260, W, horizon)).transpose(Image.FLIP_TOP_BOTTOM).filter(ImageFilter.GaussianBlur(3))
    water = np.asarray(mirror, float)
    rng = np.random.default_rng(seed)
    for row in range(water.shape[0]):
        water[row] = np.roll(water[row], int(4 * math.sin(row * .55) + rng.normal(0, 1.2) * row / 60), axis=0)
    water = water * (.8 - .25 * np.linspace(0, 1, water.shape[0])[:, None, None]) + 4
    picture.paste(image(water), (0, horizon))
    picture = land(picture, ridge(W, 868, 74, seed + 40, .42), near[0], near[1], 240)
    tent(picture, *tent_at)
    x, y, s = tent_at
    picture = add_light(picture, glow((W, H), (x - .1 * s, y - .3 * s), s * 1.9, light, .30, .8))
    # pines
    draw = ImageDraw.Draw(picture)
    rng = np.random.default_rng(seed + 9)
    for side, count in ((0, 9), (1, 6)):
        for _ in range(count):
            px = rng.uniform(-20, 330) if side == 0 else rng.uniform(1400, 1620)
            ph = rng.uniform(170, 380) * (1.1 if side == 0 else .8)
            py = 905 + rng.uniform(0, 30)
            for j in range(13):
                w = ph * .2 * ((j + 1) / 13) ** .9 * rng.uniform(.8, 1.1)
                yy = py - ph + ph * j / 13
                draw.polygon([(px, yy), (px - w, yy + ph * .12), (px + w, yy + ph * .12)], fill=rgb(ground[0]))
            draw.rectangle([px - 3, py - 20, px + 3, py + 60], fill=rgb(ground[0]))
    picture = land(picture, ridge(W, 985, 46, seed + 60, .35), ground[0], ground[1], 140)
    # a flat stone with the lantern
    stone = Image.new("RGBA", (W * 2, H * 2), (0, 0, 0, 0))
    d = ImageDraw.Draw(stone)
    d.polygon([(p[0] * 2, p[1] * 2) for p in ((820, 1000), (880, 962), (1010, 944), (1230, 940), (1360, 958), (1420, 996), (1400, 1090), (820, 1090))], fill=rgb(ground[2]) + (255,))
    d.polygon([(p[0] * 2, p[1] * 2) for p in ((820, 1000), (880, 962), (1010, 944), (1230, 940), (1360, 958), (1420, 996), (1290, 1012), (1060, 1020), (900, 1014))], fill=rgb(ground[3]) + (255,))
    stone = stone.resize((W, H), Image.LANCZOS)
    picture.paste(stone, (0, 0), stone)
    lamp = lantern(520)
    lx, ly = 1120, 992
    picture = add_light(picture, glow((W, H), (lx, ly - 240), 620, light, .34), glow((W, H), (lx, ly - 20), 330, light, .55, .22))
    shade = Image.new("L", (W, H), 0)
    ImageDraw.Draw(shade).ellipse([lx - 150, ly - 22, lx + 150, ly + 14], fill=150)
    shade = shade.filter(ImageFilter.GaussianBlur(8))
    picture = Image.composite(Image.new("RGB", (W, H), (18, 14, 10)), picture, shade)
    picture.paste(lamp, (lx - lamp.width // 2, ly - lamp.height), lamp)
    picture = add_light(picture, glow((W, H), (lx, ly - 230), 210, light, .5), glow((W, H), (lx, ly - 230), 90, light, .35))
    save_jpeg(grain(picture, seed, 1.6), name, 80)


def lifestyles():
    lifestyle("nl1-lifestyle-v1.jpg",
              [(0, "#0b1a33"), (.25, "#1d355c"), (.45, "#55668c"), (.58, "#c08e86"), (.64, "#eebd8c"), (1, "#eebd8c")],
              [("#5d6688", "#9a8a97"), ("#3f4a6b", "#6e6a82"), ("#27324e", "#474d68")], ("#141d2c", "#0c131d"),
              ("#080d14", "#0a0f14", "#22262a", "#4a4740"), (255, 178, 84), (520, 872, 120), 11, 260)
    lifestyle("nl1-lifestyle-v2.jpg",
              [(0, "#2a2350"), (.25, "#5b3f6e"), (.45, "#a85f6c"), (.58, "#ec9a5f"), (.64, "#ffd48a"), (1, "#ffd48a")],
              [("#8a5f72", "#d39a80"), ("#5e4560", "#9c6f70"), ("#3a2f49", "#65505f")], ("#1d1a26", "#120f18"),
              ("#0d0b11", "#0f0d12", "#2a2422", "#5a4c3d"), (255, 170, 70), (395, 880, 84), 23, 120)


def creator_still():
    """A frame of a clip: inside a tent at night, with the player's marks upon it."""
    W, H = 1080, 1350
    apex = (560, -160)
    y, x = np.mgrid[0:H, 0:W].astype(float)
    angle = np.arctan2(x - apex[0], y - apex[1])
    depth = np.hypot(x - apex[0], y - apex[1]) / 1600
    left = angle < .12
    base = np.where(left[..., None], ramp(np.clip(depth, 0, 1), [(0, "#3d2112"), (.5, "#8c4a20"), (1, "#b9672b")]), ramp(np.clip(depth, 0, 1), [(0, "#2c1710"), (.5, "#6b3819"), (1, "#8f4d20")]))
    seams = np.abs(np.sin(angle * 14)) < .02
    base[seams] *= .72
    base *= (1 + .05 * np.sin(angle * 60 + depth * 9))[..., None]
    picture = image(base).filter(ImageFilter.GaussianBlur(1.2))
    draw = ImageDraw.Draw(picture)
    # the door: night outside
    door = [(250, 900), (420, 420), (556, 130), (700, 430), (850, 900)]
    night = vertical(W, H, [(0, "#0a1226"), (.45, "#1b2d4e"), (.64, "#41507a"), (1, "#41507a")])
    stars(night, 5, 420, 760)
    night = land(night, ridge(W, 830, 170, 77, .5), "#101a2c", "#0b1220", 150)
    mask = Image.new("L", (W, H), 0)
    ImageDraw.Draw(mask).polygon(door, fill=255)
    picture.paste(night, (0, 0), mask.filter(ImageFilter.GaussianBlur(1)))
    draw.line(door, fill=(226, 168, 98), width=7, joint="curve")
    # ground sheet and a blanket
    picture = land(picture, np.full(W, 896.0), "#5a3a22", "#2a1a10", 420)
    draw = ImageDraw.Draw(picture)
    draw.polygon([(0, 1010), (340, 960), (560, 1350), (0, 1350)], fill=(33, 74, 66))
    for k in range(9):
        draw.line([(0, 1040 + 40 * k), (350 + 24 * k, 978 + 42 * k)], fill=(44, 92, 82), width=10)
    draw.polygon([(0, 1010), (340, 960), (356, 986), (0, 1040)], fill=(236, 222, 194))
    lamp = lantern(560)
    lx, ly = 640, 1120
    light = (255, 176, 84)
    picture = add_light(picture, glow((W, H), (lx, ly - 250), 640, light, .38), glow((W, H), (lx, ly), 330, light, .5, .25))
    shade = Image.new("L", (W, H), 0)
    ImageDraw.Draw(shade).ellipse([lx - 160, ly - 24, lx + 160, ly + 18], fill=170)
    picture = Image.composite(Image.new("RGB", (W, H), (20, 12, 8)), picture, shade.filter(ImageFilter.GaussianBlur(9)))
    picture.paste(lamp, (lx - lamp.width // 2, ly - lamp.height), lamp)
    # an enamel mug beside it
    mug = Image.new("RGBA", (440, 440), (0, 0, 0, 0))
    d = ImageDraw.Draw(mug)
    d.arc([250, 120, 400, 300], -100, 100, fill=(225, 218, 200), width=26)
    m = image(np.broadcast_to(ramp(np.linspace(0, 1, 240), [(0, "#fff7e2"), (.25, "#f3e8cf"), (.7, "#b7ab94"), (1, "#7d7464")])[None], (260, 240, 3)).copy())
    mm = Image.new("L", (240, 260), 0)
    ImageDraw.Draw(mm).rounded_rectangle([0, -40, 239, 259], 34, fill=255)
    mug.paste(m, (70, 90), mm)
    d.ellipse([70, 62, 309, 118], fill=(33, 74, 66))
    d.ellipse([84, 70, 295, 110], fill=(60, 36, 20))
    mug = mug.resize((220, 220), Image.LANCZOS)
    picture.paste(mug, (840, 985), mug)
    picture = add_light(picture, glow((W, H), (lx, ly - 250), 230, light, .5))
    picture = grain(picture, 3, 1.8).convert("RGBA")
    # the player's marks
    ui = Image.new("RGBA", (W, H), (0, 0, 0, 0))
    fade = np.zeros((H, W, 4))
    fade[..., 3] = np.clip((np.arange(H) - 1060) / 290, 0, 1)[:, None] * 190 + np.clip((150 - np.arange(H)) / 150, 0, 1)[:, None] * 120
    ui.alpha_composite(image(fade))
    d = ImageDraw.Draw(ui)
    d.ellipse([48, 44, 116, 112], fill=(236, 222, 194, 255))
    d.polygon([(58, 98), (80, 62), (94, 84), (100, 76), (108, 98)], fill=GREEN + (255,))
    d.text((136, 74), "ridgeandramble", font=font(34, True), fill=(255, 255, 255, 255), anchor="ls")
    d.text((136, 108), "Night test, part 3", font=font(26), fill=(255, 255, 255, 220), anchor="ls")
    d.text((1032, 92), "0:41", font=font(30, True), fill=(255, 255, 255, 235), anchor="rs")
    text = "“I dropped it twice. It did not care.”"
    f = font(46, True)
    w = f.getlength(text)
    d.rounded_rectangle([W / 2 - w / 2 - 28, 1172, W / 2 + w / 2 + 28, 1252], 16, fill=(12, 10, 8, 190))
    d.text((W / 2, 1228), text, font=f, fill=(255, 248, 232, 255), anchor="ms")
    d.rounded_rectangle([48, 1300, 1032, 1308], 4, fill=(255, 255, 255, 90))
    d.rounded_rectangle([48, 1300, 470, 1308], 4, fill=AMBER + (255,))
    d.ellipse([458, 1292, 482, 1316], fill=AMBER + (255,))
    picture.alpha_composite(ui)
    save_jpeg(picture, "creator-still.jpg", 80)


# ----------------------------------------------------------------------------------------------------------- badges

def badge(name, year, dark, mid, pale, accent):
    S, ss = 1200, 3
    n = S * ss
    picture = Image.new("RGBA", (n, n), dark + (0,))
    d = ImageDraw.Draw(picture)
    c = n / 2
    ring = lambda r, fill: d.ellipse([c - r * ss, c - r * ss, c + r * ss, c + r * ss], fill=fill + (255,))
    ring(590, dark)
    ring(574, pale)
    ring(562, dark)
    ring(404, pale)
    ring(392, mid)
    # the view in the middle
    view = Image.new("RGBA", (n, n), (0, 0, 0, 0))
    v = ImageDraw.Draw(view)
    P = lambda *pts: [(c + x * ss, c + y * ss) for x, y in pts]
    v.rectangle([0, 0, n, n], fill=mid + (255,))
    v.ellipse([c - 86 * ss, c - 268 * ss, c + 86 * ss, c - 96 * ss], fill=accent + (255,))
    far = tuple((a + b) // 2 for a, b in zip(mid, pale))
    v.polygon(P((-420, 40), (-250, -110), (-170, -40), (-20, -210), (120, -50), (210, -130), (420, 60), (420, 420), (-420, 420)), fill=far + (255,))
    v.polygon(P((-20, -210), (32, -150), (2, -140), (-14, -156), (-40, -132), (-74, -148)), fill=pale + (255,))
    v.polygon(P((-420, 30), (-190, 8), (30, 44), (240, 2), (420, 30), (420, 420), (-420, 420)), fill=dark + (255,))
    # the trail
    v.polygon(P((-70, 400), (70, 400), (46, 300), (-20, 230), (60, 160), (20, 100), (44, 46), (30, 44), (-4, 100), (24, 158), (-74, 226), (-36, 300)), fill=pale + (255,))
    mask = Image.new("L", (n, n), 0)
    ImageDraw.Draw(mask).ellipse([c - 380 * ss, c - 380 * ss, c + 380 * ss, c + 380 * ss], fill=255)
    picture.paste(view, (0, 0), mask)
    around(picture, "TRAILBENCH", font(104 * ss, True), pale, (c, c), 482 * ss, 0, 13 * ss)
    around(picture, "TESTED ON FOOT", font(62 * ss, True), pale, (c, c), 482 * ss, 180, 9 * ss, inward=True)
    for a in (-90, 90):
        x, y = c + math.sin(math.radians(a)) * 483 * ss, c - math.cos(math.radians(a)) * 483 * ss
        r = 15 * ss
        d.polygon([(x, y - r), (x + r, y), (x, y + r), (x - r, y)], fill=accent + (255,))
    # the ribbon
    y0, y1 = c + 36 * ss, c + 226 * ss
    back = tuple(int(v * .62) for v in accent)
    for side in (-1, 1):
        d.polygon([(c + side * 400 * ss, y0 + 36 * ss), (c + side * 590 * ss, y0 + 36 * ss), (c + side * 540 * ss, (y0 + y1) / 2 + 36 * ss), (c + side * 590 * ss, y1 + 36 * ss), (c + side * 400 * ss, y1 + 36 * ss)], fill=back + (255,))
        d.polygon([(c + side * 466 * ss, y1), (c + side * 400 * ss, y1), (c + side * 400 * ss, y1 + 36 * ss)], fill=tuple(int(v * .4) for v in accent) + (255,))
    d.rectangle([c - 466 * ss, y0, c + 466 * ss, y1], fill=accent + (255,))
    for y in (y0 + 12 * ss, y1 - 16 * ss):
        d.rectangle([c - 466 * ss, y, c + 466 * ss, y + 4 * ss], fill=back + (255,))
    spaced(d, (c, y0 + 136 * ss), f"TOP PICK {year}", font(112 * ss, True), dark + (255,), 5 * ss, "m")
    save_png(picture.reduce(ss), name)


def badges():
    badge("trailbench-2025.png", "2025", (92, 36, 22), (196, 104, 62), (250, 236, 214), (244, 197, 112))
    badge("trailbench-2026.png", "2026", (16, 52, 46), (66, 128, 112), (246, 242, 228), (240, 182, 72))


def seal():
    S, ss = 1200, 3
    n = S * ss
    c = n / 2
    y, x = np.mgrid[0:n, 0:n].astype(float)
    r = np.hypot(x - c, y - c) / ss
    a = np.arctan2(y - c, x - c)
    facet = np.round(a * 24 / math.pi) * math.pi / 24          # one tone for each of the 48 scallops
    gold = ramp((np.sin(facet * 2 + .9) + 1) / 2, [(0, "#b0802f"), (.45, "#dcb45a"), (.8, "#f3d98c"), (1, "#fbe9b0")])
    navy = ramp((r < 372).astype(float), [(0, "#14213f"), (1, "#1c2e57")])
    out = np.zeros((n, n, 4))
    edge = 566 + 20 * np.abs(np.cos(a * 24)) ** .7
    out[..., :3] = gold
    out[..., 3] = (r <= edge) * 255
    disc = (r <= 534)
    out[disc, :3] = navy[disc]
    line = (np.abs(r - 516) < 4) | (np.abs(r - 372) < 3)
    out[line, :3] = (240, 208, 128)
    picture = image(out)
    d = ImageDraw.Draw(picture)
    metal = (240, 208, 128)
    around(picture, "LUMEN AWARDS", font(94 * ss, True, True), metal, (c, c), 442 * ss, 0, 12 * ss)
    around(picture, "PORTABLE LIGHT", font(62 * ss, True, True), metal, (c, c), 444 * ss, 180, 9 * ss, inward=True)
    # laurel
    for side in (-1, 1):
        for k in range(9):
            t = math.radians(-52 + k * 14.5)
            px = c + side * math.cos(t) * 296 * ss
            py = c + math.sin(t) * 296 * ss + 6 * ss
            for out_side in (-1, 1):
                leaf = Image.new("RGBA", (180 * ss, 180 * ss), metal + (0,))
                ld = ImageDraw.Draw(leaf)
                m = 90 * ss
                length, width = 58 * ss, 13 * ss
                pts = [(m + length * i / 20, m - width * math.sin(math.pi * i / 20)) for i in range(21)] + [(m + length * i / 20, m + width * math.sin(math.pi * i / 20)) for i in range(20, -1, -1)]
                ld.polygon(pts, fill=metal + (255,))
                direction = math.degrees(t) - 90
                turn = direction + out_side * 34
                rotation = -turn if side == 1 else -(180 - turn)
                leaf = leaf.rotate(rotation, Image.BICUBIC)
                picture.alpha_composite(leaf, (round(px - m), round(py - m)))
        d.arc([c - 296 * ss, c - 290 * ss, c + 296 * ss, c + 302 * ss], -50 if side == 1 else 128, 52 if side == 1 else 230, fill=metal + (255,), width=6 * ss)
    # a flame of light
    def drop(width, low, high, fill):
        half = lambda t: width * math.sin(math.pi * t ** .62) ** 1.15
        pts = [(half(k / 60), low - (low - high) * k / 60) for k in range(61)]
        d.polygon([(c + px * ss, c + py * ss) for px, py in pts] + [(c - px * ss, c + py * ss) for px, py in reversed(pts)], fill=fill)
    drop(62, -34, -246, metal + (255,))
    drop(30, -44, -146, (28, 46, 87, 255))
    spaced(d, (c, c + 76 * ss), "WINNER", font(92 * ss, True, True), (255, 246, 218, 255), 9 * ss, "m")
    spaced(d, (c, c + 196 * ss), "2026", font(124 * ss, True, True), metal + (255,), 10 * ss, "m")
    save_png(picture.reduce(ss), "lumen-2026.png")


def logo():
    W, H, ss = 1200, 360, 3
    picture = Image.new("RGBA", (W * ss, H * ss), GREEN + (0,))
    d = ImageDraw.Draw(picture)
    P = lambda *pts: [(x * ss, y * ss) for x, y in pts]
    d.polygon(P((40, 272), (150, 110), (206, 192), (234, 156), (316, 272)), fill=GREEN + (255,))
    cx, cy = 222, 84
    d.polygon(P((cx, cy - 58), (cx + 11, cy - 11), (cx + 58, cy), (cx + 11, cy + 11), (cx, cy + 58), (cx - 11, cy + 11), (cx - 58, cy), (cx - 11, cy - 11)), fill=AMBER + (255,))
    spaced(d, (362 * ss, 206 * ss), "NORTHLIGHT", font(112 * ss, True), GREEN + (255,), 5 * ss)
    spaced(d, (366 * ss, 286 * ss), "北光", font(60 * ss, True, zh=True), GREEN + (255,), 18 * ss)
    spaced(d, (560 * ss, 282 * ss), "LAMPS FOR OUTSIDE", font(40 * ss), (84, 110, 104, 255), 7 * ss)
    save_png(picture.reduce(ss), "northlight-logo.png")


def review_card():
    """A Chinese review as a card of 3:4."""
    W, H = 1080, 1440
    picture = Image.new("RGB", (W, H), PAPER)
    d = ImageDraw.Draw(picture)
    d.rectangle([0, 0, W, 132], fill=GREEN)
    d.polygon([(64, 96), (100, 38), (136, 96)], fill=(246, 242, 228))
    d.polygon([(82, 96), (118, 56), (154, 96)], fill=AMBER)
    d.text((184, 86), "云杉户外装备评测", font=font(50, True, zh=True), fill=(246, 242, 228), anchor="ls")
    d.text((1020, 82), "第 114 期", font=font(30, zh=True), fill=(190, 212, 204), anchor="rs")
    d.text((64, 250), "北光 NL-1 露营灯", font=font(80, True, zh=True), fill=INK, anchor="ls")
    d.text((66, 314), "三夜实测：高山草甸、雨夜、零下八度", font=font(36, zh=True), fill=(104, 112, 112), anchor="ls")
    # the picture on the left
    d.rounded_rectangle([64, 366, 520, 980], 28, fill=(226, 219, 202))
    panel = vertical(456, 614, [(0, "#1c2f4a"), (.55, "#46557a"), (.8, "#b98c80"), (1, "#d8a679")])
    panel = land(panel, ridge(456, 520, 150, 8, .5), "#26334c", "#1a2438", 140)
    lamp = lantern(480)
    panel = add_light(panel, glow(panel.size, (228, 330), 300, (255, 178, 84), .5))
    panel = land(panel, np.full(456, 574.0), "#2b2a28", "#1b1a19", 40)
    panel.paste(lamp, (228 - lamp.width // 2, 586 - lamp.height), lamp)
    panel = add_light(panel, glow(panel.size, (228, 370), 130, (255, 178, 84), .4))
    picture.paste(panel, (64, 366), rounded_mask((456, 614), (0, 0, 455, 613), 28))
    # the score and its parts on the right
    d.text((566, 520), "9.1", font=font(150, True, zh=True), fill=GREEN, anchor="ls")
    d.text((828, 520), "/ 10", font=font(46, zh=True), fill=(104, 112, 112), anchor="ls")
    d.rounded_rectangle([566, 552, 760, 606], 27, fill=AMBER)
    d.text((663, 592), "编辑推荐", font=font(34, True, zh=True), fill=INK, anchor="ms")
    for k, (label, value) in enumerate((("亮度", 9.0), ("续航", 9.4), ("防水", 9.2), ("便携", 8.6))):
        y = 682 + 82 * k
        d.text((566, y), label, font=font(36, True, zh=True), fill=INK, anchor="ls")
        d.rounded_rectangle([666, y - 26, 936, y - 6], 10, fill=(226, 219, 202))
        d.rounded_rectangle([666, y - 26, 666 + 27 * value, y - 6], 10, fill=GREEN)
        d.text((1016, y), f"{value:.1f}", font=font(34, True, zh=True), fill=INK, anchor="rs")
    # the quotation
    d.rectangle([64, 1048, 74, 1186], fill=AMBER)
    paragraph(d, (104, 1100), "“低亮度整夜不闪烁，天亮时还剩三成电。提手好握，戴手套也能拧动旋钮。”", font(46, True, zh=True), INK, 900, 70, zh=True)
    d.line([(64, 1270), (1016, 1270)], fill=(214, 206, 188), width=3)
    d.text((64, 1334), "评测装备由编辑部自费购入，与品牌无合作。", font=font(32, zh=True), fill=(104, 112, 112), anchor="ls")
    d.text((64, 1386), "测评人：苏岚", font=font(32, zh=True), fill=(104, 112, 112), anchor="ls")
    save_jpeg(picture, "yunshan-card.jpg", 80)


# -------------------------------------------------------------------------------------------------------- the proof

def browser(url, height=960, width=1280, ground="white"):
    picture = Image.new("RGB", (width, height), ground)
    d = ImageDraw.Draw(picture)
    d.rectangle([0, 0, width, 64], fill=(232, 234, 235))
    for k, colour in enumerate(((226, 106, 92), (233, 184, 82), (112, 178, 108))):
        d.ellipse([24 + 30 * k, 23, 42 + 30 * k, 41], fill=colour)
    d.rounded_rectangle([136, 14, width - 40, 50], 18, fill="white")
    d.text((160, 39), url, font=font(19), fill=(96, 102, 106), anchor="ls")
    d.line([(0, 64), (width, 64)], fill=(208, 211, 213))
    return picture, d


def article(name, url, masthead, style, section, headline, byline, text, quote, after, side, zh=False):
    """An article as it stood, with the words we quote marked."""
    picture, d = browser(url)
    back, ink, serif = style
    d.rectangle([0, 65, 1280, 148], fill=back)
    if zh:
        d.text((80, 124), masthead, font=font(38, True, zh=zh), fill=ink, anchor="ls")
    else:
        spaced(d, (80, 122), masthead, font(38, True, serif, zh=zh), ink, 4)
    d.text((1200, 118), "订阅    搜索" if zh else "Subscribe    Search", font=font(20, zh=zh), fill=ink, anchor="rs")
    d.text((80, 208), section, font=font(21, True, zh=zh), fill=(176, 96, 36), anchor="ls")
    face = font(46, True, serif or zh, zh=zh)
    y = 272
    for line in (wrap_zh if zh else wrap)(headline, face, 760):
        d.text((80, y), line, font=face, fill=INK, anchor="ls")
        y += 60
    d.text((80, y - 8), byline, font=font(21, zh=zh), fill=(110, 116, 118), anchor="ls")
    y += 50
    body = font(24, serif=serif, zh=zh)
    width = 740
    y = paragraph(d, (80, y), text, body, (58, 64, 66), width, 39, zh)
    y += 20
    big = font(31, True, serif, zh=zh)
    lines = (wrap_zh if zh else wrap)(quote, big, width - 60)
    d.rectangle([80, y - 34, 80 + width, y - 34 + 50 * len(lines) + 18], fill=(255, 243, 205))
    d.rectangle([80, y - 34, 88, y - 34 + 50 * len(lines) + 18], fill=AMBER)
    for line in lines:
        d.text((112, y + 8), line, font=big, fill=INK, anchor="ls")
        y += 50
    y += 38
    y = paragraph(d, (80, y), after, body, (58, 64, 66), width, 39, zh)
    picture = picture.crop((0, 0, 1280, max(y, side(picture, d)) + 40))
    save_jpeg(picture.resize((1088, round(picture.height * .85)), Image.LANCZOS), name, 76)


def night_panel(size, lamp_height, seed=8):
    w, h = size
    panel = vertical(w, h, [(0, "#1c2f4a"), (.55, "#46557a"), (.8, "#b98c80"), (1, "#d8a679")])
    panel = land(panel, ridge(w, h * .84, h * .25, seed, .5), "#26334c", "#1a2438", 140)
    panel = land(panel, np.full(w, h * .93), "#2b2a28", "#1b1a19", 40)
    lamp = lantern(lamp_height)
    panel = add_light(panel, glow(size, (w / 2, h * .55), w * .6, (255, 178, 84), .45))
    panel.paste(lamp, (w // 2 - lamp.width // 2, round(h * .95) - lamp_height), lamp)
    return panel


def shrink(picture, size):
    return Image.open(os.path.join(HERE, picture)).convert("RGBA").resize((size, size), Image.LANCZOS)


def proofs():
    def trail_side(picture, d):
        picture.paste(night_panel((340, 420), 330), (860, 190))
        b = shrink("trailbench-2026.png", 220)
        picture.paste(b, (920, 640), b)
        d.text((1030, 900), "Our top pick among 14 lanterns", font=font(20), fill=(110, 116, 118), anchor="ms")
        return 906
    article("proof-trailbench.jpg", "example.com/trailbench/lanterns-2026", "TRAILBENCH", ((16, 52, 46), (246, 242, 228), False),
            "CAMP LIGHT · TESTED ON FOOT", "The lanterns we would carry: our picks for 2026", "By Hanne Vestby · 14 lanterns, 31 nights, 4 testers",
            "We carried fourteen lanterns over three passes and left them in the rain. Most were bright enough. Few were still bright on the third evening, and only one was pleasant to live with.",
            "“The NL-1 is the only lantern here that we forgot to charge and never missed it. Our top pick.”",
            "It burnt for 40 hours on its lowest setting in our test, and the dial works with gloves on. Score: 9.2 of 10.", trail_side)

    def camp_side(picture, d):
        lamp = headlamp(340)
        d.rectangle([860, 190, 1200, 530], fill=(246, 244, 240))
        picture.paste(lamp, (860, 180), lamp)
        d.rectangle([860, 560, 1200, 640], fill=(140, 44, 34))
        d.text((1030, 612), "Editor's choice 2025", font=font(28, True, True), fill="white", anchor="ms")
        return 640
    article("proof-campfire.jpg", "example.com/campfire-weekly/winter-guide-2025", "Campfire Weekly", ((250, 243, 232), (140, 44, 34), True),
            "THE WINTER GUIDE 2025", "Five headlamps for short days", "By Orla Fenwick",
            "Short days ask for a lamp that is on your head before you need it. We wore five of them on the evening dog walk for a month.",
            "“The NL-2 sits so lightly that I went to bed in it. Editor's choice for this winter.”",
            "The red light is kind to other people in the hut. The guide holds until the next one appears.", camp_side)

    def zh_side(picture, d):
        card = Image.open(os.path.join(HERE, "yunshan-card.jpg")).resize((342, 456), Image.LANCZOS)
        picture.paste(card, (860, 190))
        d.rectangle([859, 189, 1202, 646], outline=(214, 206, 188))
        return 646
    article("proof-yunshan.jpg", "example.com/yunshan/nl-1-luying-deng", "云杉户外装备评测", ((24, 66, 58), (246, 242, 228), False),
            "第 114 期 · 露营照明", "三夜实测北光 NL-1 露营灯：一盏让人安心的灯", "测评人：苏岚　评分 9.1 / 10",
            "我们带着它走过高山草甸，在雨里挂了一夜，又在零下八度的营地待到天亮。灯光柔和，不晃眼，读书正好。",
            "“低亮度整夜不闪烁，天亮时还剩三成电。提手好握，戴手套也能拧动旋钮。”",
            "装备由编辑部自费购入，与品牌无合作。", zh_side, zh=True)

    def paddle_side(picture, d):
        bag = Image.open(os.path.join(HERE, "sm20-white.jpg")).resize((340, 340), Image.LANCZOS)
        picture.paste(bag, (860, 190))
        d.rectangle([860, 190, 1200, 530], outline=(220, 222, 224))
        return 530
    article("proof-paddle.jpg", "example.com/paddle-ledger/dry-bags", "THE PADDLE LEDGER", ((31, 78, 92), (255, 255, 255), True),
            "KIT", "Six dry bags, one wet spring", "By Callum Rooke",
            "We packed a dry towel in each bag, tied it behind the boat and went about our business for six weeks.",
            "“The Saltmarsh 20 came home with a dry towel every single time.”",
            "The label stays legible and the buckles can be mended at home.", paddle_side)

    # a clip's page
    picture, d = browser("example.com/ridge-and-ramble/night-test-3", ground=(247, 247, 247))
    still = Image.open(os.path.join(HERE, "creator-still.jpg")).resize((672, 840), Image.LANCZOS)
    picture.paste(still, (40, 92))
    d.text((760, 150), "Ridge & Ramble", font=font(34, True), fill=INK, anchor="ls")
    d.text((760, 186), "18,400 followers", font=font(22), fill=(110, 116, 118), anchor="ls")
    d.rounded_rectangle([1090, 118, 1230, 168], 25, fill=GREEN)
    d.text((1160, 152), "Follow", font=font(24, True), fill="white", anchor="ms")
    d.line([(760, 216), (1230, 216)], fill=(220, 222, 224), width=2)
    d.text((760, 264), "Night test, part 3: the lantern", font=font(28, True), fill=INK, anchor="ls")
    y = paragraph(d, (760, 308), "A week in the tent with the NL-1 that Northlight sent me. I kept it because I like it, and I said so to them too.", font(23), (58, 64, 66), 470, 36)
    d.rectangle([760, y + 2, 1230, y + 124], fill=(255, 243, 205))
    d.rectangle([760, y + 2, 768, y + 124], fill=AMBER)
    paragraph(d, (788, y + 50), "“I dropped it twice. It did not care.”", font(29, True), INK, 420, 46)
    for k, (who, said) in enumerate((("mosslane", "How long does it take to charge?"), ("ridgeandramble", "About three hours from a power bank."), ("pikku_polku", "Sold. The warm light did it."))):
        yy = y + 190 + 92 * k
        d.ellipse([760, yy - 26, 804, yy + 18], fill=((176, 196, 188), (236, 222, 194), (214, 178, 160))[k])
        d.text((822, yy - 6), who, font=font(21, True), fill=INK, anchor="ls")
        d.text((822, yy + 24), said, font=font(21), fill=(58, 64, 66), anchor="ls")
    save_jpeg(picture.resize((1088, 816), Image.LANCZOS), "proof-ridge.jpg", 76)

    # an award's letter
    picture = Image.new("RGB", (1000, 1300), (253, 252, 249))
    d = ImageDraw.Draw(picture)
    s = shrink("lumen-2026.png", 190)
    picture.paste(s, (90, 80), s)
    spaced(d, (320, 160), "LUMEN AWARDS", font(46, True, True), (17, 29, 58), 6)
    d.text((322, 206), "The jury's office · Halvard Quay 3", font=font(23), fill=(110, 116, 118), anchor="ls")
    d.line([(90, 310), (910, 310)], fill=(200, 164, 84), width=3)
    d.text((90, 384), "To Northlight", font=font(27, serif=True), fill=INK, anchor="ls")
    d.text((90, 450), "NL-1 Lantern: Winner, Portable Light, 2026", font=font(32, True, True), fill=INK, anchor="ls")
    y = 520
    for text in ("We are glad to tell you that the jury has chosen the NL-1 from 212 entries.",
                 "The jury wrote: “A lamp that knows when to be quiet. Nothing on it is there for show, and nothing is missing.”",
                 "The result is under embargo until the day of the ceremony. Please do not publish, print or post it before then. From that day you may use the winner's seal for one year, unaltered and with its year.",
                 "Eighty per cent of the body is recycled aluminium, as you stated and as we have checked."):
        y = paragraph(d, (90, y), text, font(27, serif=True), (48, 54, 58), 820, 44) + 26
    d.rounded_rectangle([90, y + 6, 372, y + 62], 8, outline=(164, 52, 40), width=4)
    spaced(d, (231, y + 46), "EMBARGOED", font(32, True), (164, 52, 40), 4, "m")
    pen = [(600 + 3.1 * t, y + 60 + 26 * math.sin(t / 5) * math.cos(t / 13) - .2 * t) for t in range(90)]
    d.line(pen, fill=(34, 52, 96), width=4, joint="curve")
    d.text((600, y + 116), "Ingrid Solhaug, for the jury", font=font(25, serif=True), fill=INK, anchor="ls")
    save_png(picture, "proof-lumen.png")

    # a customer's letter, with the consent
    picture = Image.new("RGB", (1000, 1300), (255, 255, 255))
    d = ImageDraw.Draw(picture)
    d.polygon([(90, 150), (150, 80), (210, 150)], fill=(74, 92, 110))
    d.rectangle([108, 150, 192, 196], fill=(120, 84, 58))
    d.text((240, 140), "Fjellstua Lodge", font=font(46, True, True), fill=(44, 58, 72), anchor="ls")
    d.text((242, 184), "24 beds above the tree line", font=font(24), fill=(110, 116, 118), anchor="ls")
    d.line([(90, 240), (910, 240)], fill=(200, 206, 212), width=2)
    y = 320
    y = paragraph(d, (90, y), "Dear Northlight,", font(27, serif=True), INK, 820, 44) + 18
    y = paragraph(d, (90, y), "we have had thirty of your lanterns in the house for two winters. We hang them on the landings when the generator rests.", font(27, serif=True), (48, 54, 58), 820, 44) + 30
    d.rectangle([90, y - 38, 910, y + 66], fill=(255, 243, 205))
    d.rectangle([90, y - 38, 98, y + 66], fill=AMBER)
    paragraph(d, (120, y + 2), "“Thirty lanterns, two winters, and I have replaced none. Guests ask where to buy one.”", font(29, True, True), INK, 770, 44)
    y += 130
    y = paragraph(d, (90, y), "We agree that Northlight quotes the sentence marked above, with our name, on its website, in e-mails, on LinkedIn and in sales documents, for two years. We were not paid for it.", font(27, serif=True), (48, 54, 58), 820, 44) + 40
    d.rectangle([90, y - 26, 120, y + 4], outline=INK, width=3)
    d.line([(95, y - 12), (104, y - 2), (124, y - 34)], fill=(30, 96, 72), width=6)
    d.text((140, y), "I am entitled to agree to this for the lodge.", font=font(25), fill=INK, anchor="ls")
    pen = [(90 + 3.4 * t, y + 110 + 30 * math.sin(t / 4.2) * math.sin(t / 17 + .6) - .15 * t) for t in range(96)]
    d.line(pen, fill=(34, 52, 96), width=4, joint="curve")
    d.text((90, y + 176), "Marit Oppegaard, keeper of the lodge", font=font(25, serif=True), fill=INK, anchor="ls")
    save_png(picture, "proof-fjellstua.png")

    # a test house's certificate
    picture = Image.new("RGB", (1000, 1300), (249, 250, 250))
    d = ImageDraw.Draw(picture)
    d.rectangle([40, 40, 960, 1260], outline=(38, 84, 124), width=4)
    d.rectangle([54, 54, 946, 1246], outline=(168, 190, 208), width=2)
    spaced(d, (500, 170), "HALDEN TEST HOUSE", font(44, True), (38, 84, 124), 7, "m")
    d.text((500, 214), "Ingress protection · Certificate HTH-26-0731", font=font(24), fill=(96, 108, 116), anchor="ms")
    d.line([(120, 260), (880, 260)], fill=(168, 190, 208), width=3)
    lamp = headlamp(420)
    picture.paste(lamp, (290, 250), lamp)
    d.text((500, 730), "Northlight NL-2 Headlamp", font=font(40, True), fill=INK, anchor="ms")
    d.rounded_rectangle([370, 770, 630, 870], 16, fill=(38, 84, 124))
    d.text((500, 842), "IP67", font=font(64, True), fill="white", anchor="ms")
    y = 940
    for label, value in (("Dust, 8 hours in the chamber", "none inside"), ("Water, 1 metre, 30 minutes", "none inside"), ("Samples tested", "5 of 5 passed")):
        d.text((150, y), label, font=font(27), fill=(58, 64, 66), anchor="ls")
        d.text((850, y), value, font=font(27, True), fill=INK, anchor="rs")
        d.line([(150, y + 18), (850, y + 18)], fill=(214, 224, 232), width=2)
        y += 62
    d.text((150, 1190), "Valid for the model and edition tested.", font=font(23), fill=(96, 108, 116), anchor="ls")
    save_png(picture, "proof-halden.png")


STEPS = [product_lantern, product_headlamp, dry_bag, lifestyles, creator_still, badges, seal, logo, review_card, proofs]

if __name__ == "__main__":
    wanted = sys.argv[1:]
    for step in STEPS:
        if not wanted or step.__name__ in wanted:
            step()
